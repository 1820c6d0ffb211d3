// What operators see of maintenance.
#include "services/master/view/maintenance_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace meros::master {
namespace {

namespace pb = ::meros::v1::master;
using Status = v1::allocator::InverseOfferStatus;
using Kind = InverseAnswer::Kind;

absl::Time At(int seconds) { return absl::UnixEpoch() + absl::Seconds(seconds); }

class MaintenanceView : public ::testing::Test {
 protected:
  void Apply(Publish::Change change) { view_.Apply(Publish{++revision_, std::move(change)}); }

  void Plan(MaintenancePlan::Windows windows, absl::btree_set<MachineId> down = {}) {
    Apply(MaintenanceChanged{
        std::make_shared<const MaintenancePlan>(std::move(windows), std::move(down))});
  }
  void AddAgent(const std::string& id, const std::string& hostname, const std::string& ip,
                absl::btree_map<FrameworkId, InverseAnswer> answers) {
    auto record = std::make_shared<AgentRecord>();
    record->id = AgentId(id);
    record->state = AgentState::kRegistered;
    auto info = std::make_shared<v1::AgentInfo>();
    info->set_hostname(hostname);
    record->info = info;
    record->ip = ip;
    record->answers = std::move(answers);
    Apply(std::shared_ptr<const AgentRecord>(record));
  }
  v1::maintenance::ClusterStatus StatusNow() {
    return GetMaintenanceStatus(view_, pb::GetMaintenanceStatusRequest())->status();
  }

  ClusterView view_;
  uint64_t revision_ = 0;
};

TEST_F(MaintenanceView, ShowsTheScheduleUntilLeadershipEnds) {
  Plan({{{{"a", ""}, {"", "10.0.0.2"}}, {At(5), absl::Minutes(1)}}, {{{"b", ""}}, {At(9)}}});

  const auto schedule =
      GetMaintenanceSchedule(view_, pb::GetMaintenanceScheduleRequest())->schedule();

  ASSERT_EQ(schedule.windows_size(), 2);
  EXPECT_EQ(schedule.windows(0).machine_ids(0).hostname(), "a");
  EXPECT_FALSE(schedule.windows(0).machine_ids(0).has_ip());
  EXPECT_EQ(schedule.windows(0).machine_ids(1).ip(), "10.0.0.2");
  EXPECT_EQ(schedule.windows(0).unavailability().start().nanoseconds(), 5'000'000'000);
  EXPECT_EQ(schedule.windows(0).unavailability().duration().nanoseconds(), 60'000'000'000);
  EXPECT_FALSE(schedule.windows(1).unavailability().has_duration());
  Apply(Cleared{});
  EXPECT_EQ(
      GetMaintenanceSchedule(view_, pb::GetMaintenanceScheduleRequest())->schedule().windows_size(),
      0);
}

TEST_F(MaintenanceView, OfEachFrameworkTheNewestAnswerForAnyAgentOfTheMachineCounts) {
  Plan({{{{"a", ""}, {"", "10.0.0.2"}, {"c", ""}}, {At(5)}}}, {{"c", ""}});
  const FrameworkId one("f1"), two("f2");
  AddAgent("s1", "A", "10.0.0.1", {{one, {Kind::kDeclined, At(1)}}, {two, {Kind::kNone, At(9)}}});
  AddAgent("s2", "a", "10.0.0.2",
           {{one, {Kind::kAccepted, At(2)}}, {two, {Kind::kAccepted, At(3)}}});
  AddAgent("s3", "elsewhere", "10.0.0.3", {{one, {Kind::kDeclined, At(8)}}});

  const auto status = StatusNow();

  ASSERT_EQ(status.draining_machines_size(), 2);
  const auto& by_address = status.draining_machines(0);
  EXPECT_EQ(by_address.id().ip(), "10.0.0.2");
  ASSERT_EQ(by_address.statuses_size(), 2);
  const auto& by_hostname = status.draining_machines(1);
  EXPECT_EQ(by_hostname.id().hostname(), "a");
  ASSERT_EQ(by_hostname.statuses_size(), 2);
  EXPECT_EQ(by_hostname.statuses(0).framework_id().value(), "f1");
  EXPECT_EQ(by_hostname.statuses(0).status(), Status::ACCEPT);
  EXPECT_EQ(by_hostname.statuses(0).timestamp().nanoseconds(), 2'000'000'000);
  EXPECT_EQ(by_hostname.statuses(1).status(), Status::ACCEPT);
  ASSERT_EQ(status.down_machines_size(), 1);
  EXPECT_EQ(status.down_machines(0).hostname(), "c");
}

}  // namespace
}  // namespace meros::master
