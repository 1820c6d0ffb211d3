// Goal: what is reserved, and what a task writes into a volume, outlives tasks, agents and masters;
// destroying and unreserving gives everything back; operators may do the same. Method: a whole
// cluster of the real services, a framework that does one step after the other, SIGKILL in between.
#include <dirent.h>

#include <fstream>
#include <functional>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "libs/testing/local_cluster.h"
#include "libs/testing/temp_dir.h"
#include "tests/integration/recording_scheduler.h"

namespace meros::integration {
namespace {

using meros::v1::Offer;
using meros::v1::Resource;
using Operation = Offer::Operation;

Resource Reserved(double mib) {
  Resource disk = ScalarResource("disk", mib);
  disk.mutable_allocation_info()->set_role("eng");
  Resource::ReservationInfo* reservation = disk.add_reservations();
  reservation->set_type(Resource::ReservationInfo::DYNAMIC);
  reservation->set_role("eng");
  return disk;
}

Resource Volume(double mib) {
  Resource volume = Reserved(mib);
  volume.mutable_disk()->mutable_persistence()->set_id("v");
  volume.mutable_disk()->mutable_volume()->set_container_path("data");
  volume.mutable_disk()->mutable_volume()->set_mode(meros::v1::Volume::RW);
  return volume;
}

Operation Reserve(const std::string& id) {
  Operation operation;
  operation.set_type(Operation::RESERVE);
  operation.mutable_id()->set_value(id);
  *operation.mutable_reserve()->add_resources() = Reserved(100);
  return operation;
}
Operation Create(const std::string& id) {
  Operation operation;
  operation.set_type(Operation::CREATE);
  operation.mutable_id()->set_value(id);
  *operation.mutable_create()->add_volumes() = Volume(100);
  return operation;
}
Operation Destroy(const std::string& id) {
  Operation operation;
  operation.set_type(Operation::DESTROY);
  operation.mutable_id()->set_value(id);
  *operation.mutable_destroy()->add_volumes() = Volume(100);
  return operation;
}
Operation Unreserve(const std::string& id) {
  Operation operation;
  operation.set_type(Operation::UNRESERVE);
  operation.mutable_id()->set_value(id);
  *operation.mutable_unreserve()->add_resources() = Reserved(100);
  return operation;
}
// A task that uses the volume.
Operation Launch(const std::string& id, const Offer& offer, const std::string& command) {
  Operation operation;
  operation.set_type(Operation::LAUNCH);
  auto* task = operation.mutable_launch()->add_task_infos();
  *task = ShellTask(id, offer, 0.1, 32, command);
  *task->add_resources() = Volume(100);
  return operation;
}

bool HasVolume(const Offer& offer) {
  for (const Resource& resource : offer.resources()) {
    if (resource.disk().persistence().id() == "v") return true;
  }
  return false;
}
bool HasNothingReserved(const Offer& offer) {
  for (const Resource& resource : offer.resources()) {
    if (!resource.reservations().empty()) return false;
  }
  return Amount(offer.resources(), "disk") >= 10000;
}

meros::v1::FrameworkInfo EngFramework() {
  meros::v1::FrameworkInfo info = Framework("operations");
  info.set_roles(0, "eng");
  info.add_capabilities()->set_type(meros::v1::FrameworkInfo::Capability::RESERVATION_REFINEMENT);
  info.add_capabilities()->set_type(meros::v1::FrameworkInfo::Capability::SHARED_RESOURCES);
  return info;
}

class OperationsTest : public ::testing::Test {
 protected:
  OperationsTest() : cluster_({.directory = directory_.path()}) {}

  void SetUp() override {
    const absl::Status status = cluster_.Start();
    ASSERT_TRUE(status.ok()) << status;
    driver_ = std::make_unique<sdk::SchedulerDriver>(
        &scheduler_, sdk::DriverOptions{.masters = {cluster_.master_address()},
                                        .framework = EngFramework(),
                                        .tls = {.insecure = true}});
    ASSERT_TRUE(driver_->Start().ok());
  }

  void TearDown() override {
    driver_->Stop();
    driver_.reset();
  }

  // The next offer that is as wanted; others go back.
  std::optional<Offer> WaitOffer(const std::function<bool(const Offer&)>& is_wanted) {
    meros::v1::Filters at_once;
    at_once.set_refuse_seconds(0);
    std::optional<Offer> found;
    testing::Eventually(absl::Seconds(120), [&] {
      const auto offer = scheduler_.WaitOffer(absl::Seconds(60));
      if (!offer.has_value()) return false;
      if (is_wanted(*offer)) {
        found = offer;
        return true;
      }
      driver_->DeclineOffer(offer->id(), at_once);
      return false;
    });
    return found;
  }

  std::string VolumeDirectory() const {
    return absl::StrCat(cluster_.agent_work_dir(0), "/volumes/roles/eng/v");
  }
  bool VolumeExists() const {
    DIR* directory = opendir(VolumeDirectory().c_str());
    if (directory != nullptr) closedir(directory);
    return directory != nullptr;
  }

  testing::TempDir directory_;
  testing::LocalCluster cluster_;
  RecordingScheduler scheduler_;
  std::unique_ptr<sdk::SchedulerDriver> driver_;
};

TEST_F(OperationsTest, AVolumeOutlivesItsTaskItsAgentAndItsMaster) {
  const auto first = WaitOffer(HasNothingReserved);
  ASSERT_TRUE(first.has_value());
  driver_->AcceptOffers({first->id()},
                        {Reserve("reserve"), Create("create"),
                         Launch("writer", *first, "echo from the first > data/file")});

  EXPECT_TRUE(scheduler_.WaitOperation("reserve", meros::v1::OPERATION_FINISHED));
  EXPECT_TRUE(scheduler_.WaitOperation("create", meros::v1::OPERATION_FINISHED));
  ASSERT_TRUE(scheduler_.WaitState("writer", meros::v1::TASK_FINISHED).has_value());
  EXPECT_TRUE(VolumeExists());

  cluster_.agent().Kill();
  cluster_.master().Kill();
  ASSERT_TRUE(cluster_.RestartMaster().ok());
  ASSERT_TRUE(cluster_.RestartAgent().ok());
  ASSERT_TRUE(
      testing::Eventually(absl::Seconds(60), [&] { return scheduler_.subscriptions() >= 2; }));

  const auto second = WaitOffer(HasVolume);
  ASSERT_TRUE(second.has_value());
  driver_->AcceptOffers({second->id()}, {Launch("reader", *second, "cat data/file")});
  ASSERT_TRUE(scheduler_.WaitState("reader", meros::v1::TASK_FINISHED).has_value());
  EXPECT_EQ(cluster_.Cli({"logs", "reader"}).out, "from the first\n");

  const auto third = WaitOffer(HasVolume);
  ASSERT_TRUE(third.has_value());
  driver_->AcceptOffers({third->id()}, {Destroy("destroy"), Unreserve("unreserve")});
  EXPECT_TRUE(scheduler_.WaitOperation("destroy", meros::v1::OPERATION_FINISHED));
  EXPECT_TRUE(scheduler_.WaitOperation("unreserve", meros::v1::OPERATION_FINISHED));
  EXPECT_FALSE(VolumeExists());
  EXPECT_TRUE(WaitOffer(HasNothingReserved).has_value());
}

TEST_F(OperationsTest, OperatorsReserveAndMakeVolumes) {
  const auto offer = WaitOffer(HasNothingReserved);
  ASSERT_TRUE(offer.has_value());
  const std::string agent = offer->agent_id().value();

  // The outstanding offer is in the way, and taken back.
  const auto reserved = cluster_.Cli({"reserve", agent, "disk=200", "--role", "eng"});
  ASSERT_EQ(reserved.exit_code, 0) << reserved.err;
  const auto created = cluster_.Cli(
      {"volume", "create", agent, "v", "--size", "100M", "--role", "eng", "--path", "data"});
  ASSERT_EQ(created.exit_code, 0) << created.err;
  const auto again =
      cluster_.Cli({"volume", "create", agent, "v", "--size", "100M", "--role", "eng"});
  EXPECT_NE(again.exit_code, 0);
  EXPECT_NE(again.err.find("has a volume 'v'"), std::string::npos) << again.err;
  ASSERT_TRUE(testing::Eventually(absl::Seconds(60), [&] { return VolumeExists(); }));

  const auto with_volume = WaitOffer(HasVolume);
  ASSERT_TRUE(with_volume.has_value());
  const std::string go = directory_ / "go";
  driver_->AcceptOffers(
      {with_volume->id()},
      {Launch("user", *with_volume, absl::StrCat("while [ ! -e ", go, " ]; do sleep 0.1; done"))});
  ASSERT_TRUE(scheduler_.WaitState("user", meros::v1::TASK_RUNNING).has_value());
  const auto refused = cluster_.Cli({"volume", "destroy", agent, "v", "--role", "eng"});
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_NE(refused.err.find("in use"), std::string::npos) << refused.err;
  std::ofstream(go).put('x');
  ASSERT_TRUE(scheduler_.WaitState("user", meros::v1::TASK_FINISHED).has_value());

  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"volume", "grow", agent, "v", "--by", "50M", "--role", "eng"},
        std::vector<std::string>{"volume", "shrink", agent, "v", "--by", "100M", "--role", "eng"},
        std::vector<std::string>{"volume", "destroy", agent, "v", "--role", "eng"},
        std::vector<std::string>{"unreserve", agent, "disk=200", "--role", "eng"}}) {
    const auto result = cluster_.Cli(command);
    ASSERT_EQ(result.exit_code, 0) << command[0] << " " << command[1] << ": " << result.err;
  }
  EXPECT_TRUE(testing::Eventually(absl::Seconds(60), [&] { return !VolumeExists(); }));
  EXPECT_TRUE(testing::Eventually(absl::Seconds(60), [&] {
    // Nobody has to acknowledge what an operator asked for: the master does.
    const auto listed = cluster_.Cli({"operations"});
    return listed.exit_code == 0 && listed.out.find(agent) == std::string::npos;
  }));
  EXPECT_TRUE(WaitOffer(HasNothingReserved).has_value());
}

TEST_F(OperationsTest, ASharedVolumeIsUsedByTasksAtOneTime) {
  const auto offer = WaitOffer(HasNothingReserved);
  ASSERT_TRUE(offer.has_value());
  const std::string agent = offer->agent_id().value();
  ASSERT_EQ(cluster_.Cli({"reserve", agent, "disk=100", "--role", "eng"}).exit_code, 0);
  const auto created = cluster_.Cli({"volume", "create", agent, "v", "--size", "100M", "--role",
                                     "eng", "--path", "data", "--shared"});
  ASSERT_EQ(created.exit_code, 0) << created.err;

  const auto launch = [&](const std::string& id, const std::string& command) {
    // What is shared comes with what a task needs beside it.
    const auto with_volume = WaitOffer([](const Offer& other) {
      return HasVolume(other) && Amount(other.resources(), "cpus") >= 0.1;
    });
    ASSERT_TRUE(with_volume.has_value()) << id;
    Operation operation = Launch(id, *with_volume, command);
    auto* task = operation.mutable_launch()->mutable_task_infos(0);
    task->mutable_resources(task->resources_size() - 1)->mutable_shared();
    driver_->AcceptOffers({with_volume->id()}, {operation});
  };
  launch("waits", "while [ ! -e data/go ]; do sleep 0.1; done; cat data/go");
  ASSERT_TRUE(scheduler_.WaitState("waits", meros::v1::TASK_RUNNING).has_value());
  const auto refused = cluster_.Cli({"volume", "destroy", agent, "v", "--role", "eng"});
  EXPECT_NE(refused.err.find("in use"), std::string::npos) << refused.err;
  launch("goes", "echo together > data/then && mv data/then data/go");

  ASSERT_TRUE(scheduler_.WaitState("goes", meros::v1::TASK_FINISHED).has_value());
  ASSERT_TRUE(scheduler_.WaitState("waits", meros::v1::TASK_FINISHED).has_value());
  EXPECT_EQ(cluster_.Cli({"logs", "waits"}).out, "together\n");
  const auto destroyed = cluster_.Cli({"volume", "destroy", agent, "v", "--role", "eng"});
  EXPECT_EQ(destroyed.exit_code, 0) << destroyed.err;
  EXPECT_TRUE(testing::Eventually(absl::Seconds(60), [&] { return !VolumeExists(); }));
}

}  // namespace
}  // namespace meros::integration
