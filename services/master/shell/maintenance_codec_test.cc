// Maintenance on the wire: operators' calls, records, and what allocators and frameworks are told.
#include "services/master/shell/maintenance_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "meros/allocator/v1/allocator_service.pb.h"
#include "meros/v1/scheduler/scheduler.pb.h"
#include "services/master/shell/allocator_codec.h"
#include "services/master/shell/decode_scheduler.h"
#include "services/master/shell/encode_scheduler.h"
#include "services/master/shell/registry_codec.h"

namespace meros::master {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

namespace pb = ::meros::registry::v1;

Unavailability At(int seconds, absl::Duration duration = absl::InfiniteDuration()) {
  return {absl::UnixEpoch() + absl::Seconds(seconds), duration};
}

// Applies mutations as a registry does.
void Commit(const std::vector<pb::Mutation>& mutations, std::map<std::string, pb::Record>* store) {
  for (const pb::Mutation& mutation : mutations) {
    const std::string key = mutation.key().SerializeAsString();
    if (mutation.remove()) {
      EXPECT_EQ(store->erase(key), 1u) << mutation.ShortDebugString();
      continue;
    }
    *(*store)[key].mutable_key() = mutation.key();
    (*store)[key].set_value(mutation.put());
  }
}

MaintenanceRef Restored(const std::map<std::string, pb::Record>& store) {
  std::vector<pb::Record> records;
  for (const auto& [key, record] : store) records.push_back(record);
  const auto snapshot = DecodeRecords(records);
  EXPECT_TRUE(snapshot.ok()) << snapshot.status();
  return snapshot->maintenance;
}

TEST(MaintenanceRecords, ANewLeaderReadsWhatTheOldOneWrote) {
  const MachineId a = {"a", ""}, b = {"", "10.0.0.2"}, c = {"c", "10.0.0.3"};
  const auto make = [](MaintenancePlan::Windows windows, absl::btree_set<MachineId> down) {
    return std::make_shared<const MaintenancePlan>(std::move(windows), down);
  };
  std::map<std::string, pb::Record> store;
  MaintenanceRef before = std::make_shared<const MaintenancePlan>();
  EXPECT_EQ(Restored(store), nullptr);
  for (const MaintenanceRef& after :
       {make({{{a, b}, At(5, absl::Minutes(1))}, {{c}, At(7)}}, {}),
        make({{{a, b}, At(5, absl::Minutes(1))}, {{c}, At(7)}}, {a, c}),
        make({{{a, b}, At(6)}, {{c}, At(7)}}, {a, c}), make({{{b}, At(6)}, {{c}, At(7)}}, {c}),
        make({{{b}, At(6)}}, {})}) {
    Commit(EncodeRecord(PutMaintenanceRecord{before, after}, absl::UnixEpoch()), &store);
    const MaintenanceRef restored = Restored(store);
    ASSERT_NE(restored, nullptr);
    EXPECT_EQ(restored->windows(), after->windows());
    EXPECT_EQ(restored->Down(), after->Down());
    before = after;
  }
  Commit(EncodeRecord(PutMaintenanceRecord{before, make({}, {})}, absl::UnixEpoch()), &store);
  EXPECT_TRUE(store.empty());
}

TEST(MaintenanceRecords, AMachineThatIsDownIsOneWhateverTheScheduleSays) {
  const MachineId a = {"a", ""};
  const auto down = std::make_shared<const MaintenancePlan>(
      MaintenancePlan::Windows{{{a}, At(5, absl::Minutes(1))}}, absl::btree_set<MachineId>{a});
  std::vector<pb::Mutation> mutations =
      EncodeMaintenance({std::make_shared<const MaintenancePlan>(), down});
  std::erase_if(mutations, [](const auto& m) { return m.key().kind() != pb::RECORD_KIND_MACHINE; });
  ASSERT_EQ(mutations.size(), 1u);
  EXPECT_EQ(mutations[0].key().name(), "a/");
  std::map<std::string, pb::Record> store;
  Commit(mutations, &store);

  EXPECT_EQ(Restored(store)->windows(), down->windows());
}

// Machines with names so long that a schedule hardly holds more of them.
std::vector<MachineId> Machines(int count) {
  std::vector<MachineId> machines;
  for (int i = 0; i < count; ++i) {
    machines.push_back({absl::StrCat(std::string(65, 'm'), "-", 10'000 + i), ""});
  }
  return machines;
}

size_t ValueBytes(const std::vector<pb::Mutation>& mutations) {
  size_t bytes = 0;
  for (const pb::Mutation& mutation : mutations) bytes += mutation.put().size();
  return bytes;
}

// The registry takes 10,001 mutations with 8 MiB of values: its validation_test.cc.
TEST(MaintenanceRecords, TheLargestChangesAreOnesThatTheRegistryTakes) {
  const std::vector<MachineId> all = Machines(wire::kMaxScheduledMachines);
  const auto planned = *Reschedule({}, {{all, At(5)}});
  const auto down = std::make_shared<const MaintenancePlan>(
      planned->windows(), absl::btree_set<MachineId>(all.begin(), all.end()));
  const auto later = *Reschedule(*down, {{all, At(6)}});
  const std::vector<MachineId> some = Machines(wire::kMaxMachinesPerCall);
  ASSERT_LE(ScheduleOf(*later).ByteSizeLong(), wire::kMaxScheduleBytes);

  const std::vector<pb::Mutation> moved = EncodeMaintenance({down, later});

  EXPECT_EQ(moved.size(), 10'001u);
  EXPECT_EQ(kMaintenanceMutationsMax, 10'001);
  EXPECT_LT(ValueBytes(moved), 8u << 20);
  EXPECT_EQ(EncodeMaintenance({down, *BringUp(*down, some)}).size(), 1'001u);
  EXPECT_EQ(EncodeMaintenance({planned, *BringDown(*planned, some)}).size(), 1'000u);
}

TEST(MaintenanceRecords, OneThatCannotBeReadIsNamed) {
  pb::Record record;
  record.mutable_key()->set_kind(pb::RECORD_KIND_MAINTENANCE_SCHEDULE);
  record.mutable_key()->set_name("schedule");
  record.set_value("\xff\xff");

  const auto snapshot = DecodeRecords({record});

  EXPECT_TRUE(absl::IsDataLoss(snapshot.status()));
  EXPECT_THAT(snapshot.status().message(), HasSubstr("schedule"));
}

TEST(DecodeMaintenance, NamesTheFieldOfWhatIsWrong) {
  v1::master::UpdateMaintenanceScheduleRequest update;
  EXPECT_THAT(DecodeCall(update).status().message(), HasSubstr("schedule: must be set"));
  update.mutable_schedule()->add_windows();
  EXPECT_THAT(DecodeCall(update).status().message(), HasSubstr("schedule.windows[0].machine_ids"));
  update.mutable_schedule()->clear_windows();
  EXPECT_TRUE(DecodeCall(update)->windows.empty());

  v1::master::StartMaintenanceRequest start;
  EXPECT_THAT(DecodeCall(start).status().message(), HasSubstr("machines: must not be empty"));
  start.add_machines()->set_hostname("Node");
  EXPECT_THAT(DecodeCall(start)->machines, ElementsAre(MachineId{"node", ""}));
  EXPECT_EQ(DecodeCall(start)->kind, OperatorMaintenance::Kind::kStart);
  v1::master::StopMaintenanceRequest stop;
  stop.add_machines()->set_ip("10.0.0.1");
  EXPECT_EQ(DecodeCall(stop)->kind, OperatorMaintenance::Kind::kStop);
}

TEST(EncodeMaintenance, AllocatorsHearWhenAgentsGoAndWhatWasAnswered) {
  auto info = std::make_shared<v1::AgentInfo>();
  const auto encode = [&](std::optional<Unavailability> away) {
    return EncodeForAllocator(
               {1, 2, UpsertAgentDelta{AgentId("a"), info, {}, true, std::move(away)}}, "m")
        .delta()
        .upsert_agent();
  };

  EXPECT_FALSE(encode(std::nullopt).has_maintenance());
  EXPECT_EQ(encode(At(5)).maintenance().start_ns(), 5'000'000'000);
  EXPECT_EQ(encode(At(5)).maintenance().duration_ns(), 0);
  EXPECT_EQ(encode(At(5, absl::Seconds(2))).maintenance().duration_ns(), 2'000'000'000);
  EXPECT_EQ(encode(At(5, absl::ZeroDuration())).maintenance().duration_ns(), 1);
  const auto result = EncodeForAllocator(
      {1, 2, InverseOfferResultDelta{FrameworkId("f"), AgentId("a"), absl::Seconds(3)}}, "m");
  EXPECT_EQ(result.delta().version(), 2u);
  EXPECT_EQ(result.delta().inverse_offer_result().framework_id(), "f");
  EXPECT_EQ(result.delta().inverse_offer_result().refuse_ms(), 3000);
}

TEST(EncodeMaintenance, FrameworksAreAskedAndTheirAnswersRead) {
  auto offer = std::make_shared<InverseOffer>();
  offer->id = OfferId("O1-x");
  offer->framework_id = FrameworkId("f");
  offer->agent_id = AgentId("a");
  auto info = std::make_shared<v1::AgentInfo>();
  info->set_hostname("host-a");
  offer->agent_info = info;
  offer->unavailability = At(5, absl::Seconds(2));

  v1::scheduler::Event event;
  EncodeEvent(InverseOffersEvent{{offer}}, {}, &event);

  EXPECT_EQ(event.type(), v1::scheduler::Event::INVERSE_OFFERS);
  const v1::InverseOffer& asked = event.inverse_offers().inverse_offers(0);
  EXPECT_EQ(asked.id().value(), "O1-x");
  EXPECT_EQ(asked.agent_id().value(), "a");
  EXPECT_EQ(asked.url().address().hostname(), "host-a");
  EXPECT_EQ(asked.unavailability().start().nanoseconds(), 5'000'000'000);
  EXPECT_EQ(asked.unavailability().duration().nanoseconds(), 2'000'000'000);
  v1::scheduler::Event rescinded;
  EncodeEvent(RescindInverseOfferEvent{OfferId("O1-x")}, {}, &rescinded);
  EXPECT_EQ(rescinded.rescind_inverse_offer().inverse_offer_id().value(), "O1-x");

  v1::scheduler::Call call;
  call.set_type(v1::scheduler::Call::DECLINE_INVERSE_OFFERS);
  call.mutable_framework_id()->set_value("f");
  *call.mutable_decline_inverse_offers()->add_inverse_offer_ids() = asked.id();
  const auto input = DecodeCall(call, {.stream = 1}, "call");
  ASSERT_TRUE(input.ok()) << input.status();
  const auto& answer = std::get<AnswerInverseOffers>(std::get<SchedulerCall>(*input).body);
  EXPECT_THAT(answer.offers, ElementsAre(OfferId("O1-x")));
  EXPECT_FALSE(answer.accepted);
  EXPECT_EQ(answer.refuse, absl::Seconds(5));
}

}  // namespace
}  // namespace meros::master
