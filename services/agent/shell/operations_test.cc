// Goal: operations change what the agent has, once, whatever crashes; their results are told until
// they are acknowledged; tasks find their volumes. Method: the core on the model of a node, with
// the codec of real agents, and the store of volumes on a real directory.
#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "libs/testing/process.h"
#include "libs/testing/temp_dir.h"
#include "services/agent/core/testing/node_model.h"
#include "services/agent/shell/volume_store.h"
#include "services/agent/shell/wire_codec.h"

namespace meros::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
namespace link = agent_link::v1;

constexpr char kReserved[] =
    "{ name: 'disk' type: SCALAR scalar { value: 100 } allocation_info { role: 'eng' } "
    "reservations { type: DYNAMIC role: 'eng' principal: 'p' } }";
constexpr char kVolume[] =
    "{ name: 'disk' type: SCALAR scalar { value: 100 } allocation_info { role: 'eng' } "
    "reservations { type: DYNAMIC role: 'eng' principal: 'p' } "
    "disk { persistence { id: 'v' } volume { container_path: 'data' mode: RW } } }";
// By 40, then by 10 more.
constexpr char kShrink[] =
    "type: SHRINK_VOLUME shrink_volume { subtract { value: 40 } "
    "volume { name: 'disk' type: SCALAR scalar { value: 100 } allocation_info { role: 'eng' } "
    "reservations { type: DYNAMIC role: 'eng' principal: 'p' } "
    "disk { persistence { id: 'v' } volume { container_path: 'data' mode: RW } } } }";
constexpr char kShrinkAgain[] =
    "type: SHRINK_VOLUME shrink_volume { subtract { value: 10 } "
    "volume { name: 'disk' type: SCALAR scalar { value: 60 } allocation_info { role: 'eng' } "
    "reservations { type: DYNAMIC role: 'eng' principal: 'p' } "
    "disk { persistence { id: 'v' } volume { container_path: 'data' mode: RW } } } }";
constexpr char kDirectory[] = "/w/volumes/roles/eng/v";

std::string Uuid(int n) { return absl::StrCat("operation-uuid-", n); }

class AgentOperations : public ::testing::Test {
 protected:
  AgentOperations() : node_(1) {
    node_.options.codec = WireCodec();
    EXPECT_TRUE(google::protobuf::TextFormat::MergeFromString(
        "resources { name: 'cpus' type: SCALAR scalar { value: 4 } } "
        "resources { name: 'disk' type: SCALAR scalar { value: 1000 } }",
        &node_.options.info));
    Start();
  }

  void Start() {
    node_.StartAgent();
    node_.ConnectContainerizer();
    node_.ConnectMaster();
  }
  void CrashAndStart() {
    node_.CrashAgent();
    Start();
  }

  // The version that the agent last told.
  std::string Version() const {
    std::string version;
    for (const link::AgentMessage& m : node_.said) {
      if (m.has_register_()) version = m.register_().resource_version_uuid();
      if (m.has_reregister()) version = m.reregister().agent().resource_version_uuid();
      if (m.has_agent_update()) version = m.agent_update().resource_version_uuid();
    }
    return version;
  }
  void Apply(int n, const std::string& operation, const std::string& version) {
    link::MasterMessage message;
    link::ApplyOperation* apply = message.mutable_apply_operation();
    apply->set_framework_id("F");
    apply->set_operation_uuid(Uuid(n));
    apply->set_resource_version_uuid(version);
    ASSERT_TRUE(
        google::protobuf::TextFormat::ParseFromString(operation, apply->mutable_operation()));
    node_.Say(std::move(message));
  }
  void Apply(int n, const std::string& operation) { Apply(n, operation, Version()); }
  void ReserveAndCreate() {
    Apply(1, absl::StrCat("type: RESERVE reserve { resources ", kReserved, " }"));
    Apply(2, absl::StrCat("id { value: 'make' } type: CREATE create { volumes ", kVolume, " }"));
  }
  void Acknowledge(const v1::OperationStatus& status, int n) {
    link::MasterMessage message;
    message.mutable_acknowledge_operation()->set_operation_uuid(Uuid(n));
    message.mutable_acknowledge_operation()->set_status_uuid(status.uuid().value());
    node_.Say(std::move(message));
  }
  // Of the results that were sent for the operation.
  std::vector<v1::OperationStatus> ResultsOf(int n) const {
    std::vector<v1::OperationStatus> results;
    for (const link::AgentMessage& m : node_.said) {
      if (m.operation_update().operation_uuid() == Uuid(n)) {
        results.push_back(m.operation_update().status());
      }
    }
    return results;
  }
  v1::OperationState StateOf(int n) const {
    const auto results = ResultsOf(n);
    return results.empty() ? v1::OPERATION_PENDING : results.back().state();
  }
  std::string Total() { return node_.core().total().DebugString(); }
  std::string Reported() const {
    for (auto m = node_.said.rbegin(); m != node_.said.rend(); ++m) {
      if (m->has_reregister()) {
        return WireCodec().decode(m->reregister().agent().total())->DebugString();
      }
    }
    return "";
  }
  // In a session, after the registration.
  std::string ToldTotal() const {
    for (auto m = node_.said.rbegin(); m != node_.said.rend(); ++m) {
      if (m->has_agent_update()) {
        return WireCodec().decode(m->agent_update().total())->DebugString();
      }
    }
    return "";
  }

  NodeModel node_;
};

constexpr char kPlain[] = "cpus:4;disk:1000";
constexpr char kWithVolume[] = "cpus:4;disk:900;disk(eng dynamic by p; volume v):100";

TEST_F(AgentOperations, ReserveAndCreateChangeWhatTheAgentHas) {
  ReserveAndCreate();

  EXPECT_EQ(StateOf(1), v1::OPERATION_FINISHED);
  EXPECT_EQ(StateOf(2), v1::OPERATION_FINISHED);
  EXPECT_EQ(ResultsOf(2)[0].operation_id().value(), "make");
  EXPECT_EQ(ResultsOf(2)[0].agent_id().value(), "A");
  EXPECT_EQ(ResultsOf(2)[0].converted_resources(0).allocation_info().role(), "eng");
  EXPECT_EQ(node_.core().total().PersistentVolumes().Disk(), resources::Scalar::FromUnits(100));
  EXPECT_EQ(node_.core().total().Unreserved().DebugString(), "cpus:4;disk:900");
  EXPECT_THAT(node_.volumes, ElementsAre(kDirectory));
}

TEST_F(AgentOperations, WhatTheAgentHasOutlivesItsCrash) {
  ReserveAndCreate();
  const std::string before = Total();

  CrashAndStart();

  EXPECT_EQ(Total(), before);
  EXPECT_EQ(Reported(), before);
  ASSERT_EQ(node_.core().operations().size(), 2u);
}

TEST_F(AgentOperations, DestroyAndUnreserveGiveEverythingBack) {
  ReserveAndCreate();
  Apply(3, absl::StrCat("type: DESTROY destroy { volumes ", kVolume, " }"));
  Apply(4, absl::StrCat("type: UNRESERVE unreserve { resources ", kReserved, " }"));

  EXPECT_EQ(StateOf(3), v1::OPERATION_FINISHED);
  EXPECT_EQ(StateOf(4), v1::OPERATION_FINISHED);
  EXPECT_EQ(Total(), kPlain);
  EXPECT_THAT(node_.volumes, IsEmpty());
  EXPECT_FALSE(node_.disk.contains("reservations"));
}

TEST_F(AgentOperations, VolumesGrowAndShrink) {
  ReserveAndCreate();
  Apply(3, kShrink);

  EXPECT_EQ(StateOf(3), v1::OPERATION_FINISHED);
  EXPECT_EQ(node_.core().total().PersistentVolumes().Disk(), resources::Scalar::FromUnits(60));
}

TEST_F(AgentOperations, AResizeEndsWhenItsVolumeIsMade) {
  node_.changes_volumes = false;
  ReserveAndCreate();
  Apply(3, kShrink);
  Apply(4, kShrinkAgain);
  EXPECT_EQ(StateOf(3), v1::OPERATION_PENDING) << "there is no directory yet";
  EXPECT_EQ(StateOf(4), v1::OPERATION_PENDING);

  CrashAndStart();
  EXPECT_EQ(StateOf(3), v1::OPERATION_PENDING);
  node_.ChangeVolumesNow();

  for (const int n : {2, 3, 4}) EXPECT_EQ(StateOf(n), v1::OPERATION_FINISHED) << n;
  EXPECT_EQ(node_.core().total().PersistentVolumes().Disk(), resources::Scalar::FromUnits(50));
  EXPECT_THAT(node_.volumes, ElementsAre(kDirectory));
}

TEST_F(AgentOperations, AResizeFailsWithItsVolume) {
  Apply(1, absl::StrCat("type: RESERVE reserve { resources ", kReserved, " }"));
  const std::string before = Total();
  node_.changes_volumes = false;
  ReserveAndCreate();
  Apply(3, kShrink);
  Apply(4, kShrinkAgain);

  node_.volumes_status = absl::ResourceExhaustedError("no space");
  node_.ChangeVolumesNow();

  for (const int n : {2, 3, 4}) EXPECT_EQ(StateOf(n), v1::OPERATION_FAILED) << n;
  EXPECT_THAT(ResultsOf(4)[0].message(), HasSubstr("no space"));
  EXPECT_EQ(Total(), before);
}

TEST_F(AgentOperations, AnAgentThatHasToLeaveKeepsNoVolumeThatWasNotMade) {
  Apply(1, absl::StrCat("type: RESERVE reserve { resources ", kReserved, " }"));
  const std::string before = Total();
  node_.changes_volumes = false;
  ReserveAndCreate();
  Apply(3, kShrink);
  ASSERT_NE(Total(), before);

  link::MasterMessage message;
  message.mutable_shutdown()->set_reason("its machine is down for maintenance");
  node_.Say(std::move(message));
  CrashAndStart();

  EXPECT_EQ(Total(), before);
  EXPECT_THAT(node_.volumes, IsEmpty());
}

TEST_F(AgentOperations, ResultsAreSentUntilTheyAreAcknowledged) {
  ReserveAndCreate();
  node_.Advance(absl::Seconds(31));
  EXPECT_EQ(ResultsOf(1).size(), 3u);  // at once, after 10 s, after 20 s more

  CrashAndStart();
  EXPECT_EQ(ResultsOf(1).size(), 4u);
  EXPECT_EQ(ResultsOf(1).front().uuid().value(), ResultsOf(1).back().uuid().value());
  Acknowledge(ResultsOf(1).back(), 1);
  Acknowledge(ResultsOf(2).back(), 2);
  CrashAndStart();

  EXPECT_EQ(ResultsOf(1).size(), 4u);
  EXPECT_TRUE(node_.core().operations().empty());
}

TEST_F(AgentOperations, ResultsAreSentAgainWhenTheirFrameworkIsBack) {
  ReserveAndCreate();
  node_.Advance(absl::Seconds(31));
  const size_t before = ResultsOf(1).size();

  node_.SubscribeAgain();

  EXPECT_EQ(ResultsOf(1).size(), before + 1);
  node_.Advance(absl::Seconds(11));
  EXPECT_EQ(ResultsOf(1).size(), before + 2) << "the delays start anew";
}

TEST_F(AgentOperations, AnOrderThatComesTwiceIsCarriedOutOnce) {
  ReserveAndCreate();
  const std::string before = Total();

  ReserveAndCreate();

  EXPECT_EQ(Total(), before);
  EXPECT_EQ(ResultsOf(1).size(), 2u);
}

TEST_F(AgentOperations, WhatWasUnderWayInACrashIsDoneAfterIt) {
  node_.changes_volumes = false;
  ReserveAndCreate();
  ASSERT_EQ(StateOf(2), v1::OPERATION_PENDING);

  node_.changes_volumes = true;
  CrashAndStart();

  EXPECT_EQ(StateOf(2), v1::OPERATION_FINISHED);
  EXPECT_THAT(node_.volumes, ElementsAre(kDirectory));
}

TEST_F(AgentOperations, ACrashAtAnyMomentLosesNothing) {
  for (int effects = 1; effects < 30; ++effects) {
    NodeModel node(static_cast<uint64_t>(effects));
    node.options = node_.options;
    std::swap(node, node_);
    Start();
    node_.CrashAfter(effects);
    const std::string version = Version();
    Apply(1, absl::StrCat("type: RESERVE reserve { resources ", kReserved, " }"), version);
    if (node_.is_running()) {
      Apply(2, absl::StrCat("type: CREATE create { volumes ", kVolume, " }"), version);
    }
    node_.CrashAfter(-1);
    if (!node_.is_running()) Start();
    // As a master does: what the agent does not report is dropped, and asked for again.
    Apply(1, absl::StrCat("type: RESERVE reserve { resources ", kReserved, " }"), version);
    Apply(2, absl::StrCat("type: CREATE create { volumes ", kVolume, " }"), version);

    EXPECT_EQ(StateOf(1), v1::OPERATION_FINISHED) << effects;
    EXPECT_EQ(StateOf(2), v1::OPERATION_FINISHED) << effects;
    EXPECT_EQ(node_.core().total().PersistentVolumes().Disk(), resources::Scalar::FromUnits(100));
    EXPECT_THAT(node_.volumes, ElementsAre(kDirectory)) << effects;
  }
}

TEST_F(AgentOperations, WhatWasBasedOnAnotherVersionIsDropped) {
  Apply(1, absl::StrCat("type: RESERVE reserve { resources ", kReserved, " }"), "another");

  EXPECT_EQ(StateOf(1), v1::OPERATION_DROPPED);
  EXPECT_EQ(Total(), kPlain);
}

TEST_F(AgentOperations, AFailureOnDiskIsUndoneAndEverythingBasedOnItDropped) {
  Apply(1, absl::StrCat("type: RESERVE reserve { resources ", kReserved, " }"));
  const std::string before = Total();
  const std::string version = Version();
  node_.volumes_status = absl::ResourceExhaustedError("no space");

  Apply(2, absl::StrCat("type: CREATE create { volumes ", kVolume, " }"));
  Apply(3, absl::StrCat("type: DESTROY destroy { volumes ", kVolume, " }"), version);

  EXPECT_EQ(StateOf(2), v1::OPERATION_FAILED);
  EXPECT_THAT(ResultsOf(2)[0].message(), HasSubstr("no space"));
  EXPECT_EQ(StateOf(3), v1::OPERATION_DROPPED);
  EXPECT_EQ(Total(), before);
  EXPECT_NE(Version(), version);
}

// The master counts with the volume that the registration names.
TEST_F(AgentOperations, AFailureOnDiskWhileItRegistersIsToldAsSoonAsItHas) {
  Apply(1, absl::StrCat("type: RESERVE reserve { resources ", kReserved, " }"));
  const std::string before = Total();
  node_.changes_volumes = node_.answers_registration = false;
  Apply(2, absl::StrCat("type: CREATE create { volumes ", kVolume, " }"));
  node_.BreakMaster();
  node_.ConnectMaster();
  ASSERT_NE(Reported(), before);

  node_.volumes_status = absl::ResourceExhaustedError("no space");
  node_.ChangeVolumesNow();
  link::MasterMessage message;
  message.mutable_registered()->set_agent_id("A");
  message.mutable_registered()->set_epoch(1);
  message.mutable_registered()->set_reregistered(true);
  node_.Say(std::move(message));

  EXPECT_EQ(StateOf(2), v1::OPERATION_FAILED);
  EXPECT_EQ(ToldTotal(), before);
  Apply(3, absl::StrCat("type: UNRESERVE unreserve { resources ", kReserved, " }"));
  EXPECT_EQ(StateOf(3), v1::OPERATION_FINISHED) << "the master knows the present version";
}

TEST_F(AgentOperations, WhatTheAgentDoesNotHaveIsRefused) {
  const std::string version = Version();
  Apply(1, absl::StrCat("type: CREATE create { volumes ", kVolume, " }"));
  EXPECT_EQ(StateOf(1), v1::OPERATION_DROPPED);
  EXPECT_NE(Version(), version);

  Apply(2,
        "type: CREATE_DISK create_disk { source { name: 'disk' type: SCALAR scalar { value: 1 } }"
        " target_type: MOUNT }");
  EXPECT_EQ(StateOf(2), v1::OPERATION_ERROR);
}

TEST_F(AgentOperations, AVolumeIsNotTakenFromUnderATask) {
  ReserveAndCreate();
  node_.Run("t1", [](v1::TaskInfo* task) {
    ASSERT_TRUE(
        google::protobuf::TextFormat::MergeFromString(absl::StrCat("resources ", kVolume), task));
  });
  const std::string destroy = absl::StrCat("type: DESTROY destroy { volumes ", kVolume, " }");

  Apply(3, destroy);

  EXPECT_EQ(StateOf(3), v1::OPERATION_DROPPED);
  EXPECT_THAT(ResultsOf(3)[0].message(), HasSubstr("volume v is in use by task t1"));
  EXPECT_THAT(node_.volumes, ElementsAre(kDirectory));

  node_.ExitContainer("t1", 0);
  Apply(4, destroy);

  EXPECT_EQ(StateOf(4), v1::OPERATION_FINISHED);
  EXPECT_THAT(node_.volumes, IsEmpty());
}

TEST_F(AgentOperations, OperationsThatNeverCameAreAccountedFor) {
  ReserveAndCreate();
  link::MasterMessage message;
  for (int n : {1, 7}) {
    link::OperationRef* ref = message.mutable_reconcile_operations()->add_operations();
    ref->set_framework_id("F");
    ref->set_operation_uuid(Uuid(n));
    ref->set_operation_id("lost");
  }
  node_.Say(std::move(message));

  EXPECT_EQ(StateOf(7), v1::OPERATION_DROPPED);
  EXPECT_EQ(ResultsOf(7)[0].operation_id().value(), "lost");
  EXPECT_EQ(StateOf(1), v1::OPERATION_FINISHED);
}

TEST_F(AgentOperations, AnAgentThatLostWhatIsReservedDoesNotStart) {
  ReserveAndCreate();
  node_.options.info.mutable_resources(1)->mutable_scalar()->set_value(50);

  node_.CrashAgent();
  node_.StartAgent();

  EXPECT_TRUE(node_.has_exited);
}

TEST(VolumeStore, MakesAndDestroysVolumes) {
  testing::TempDir directory;
  VolumeStore store(directory.path());
  store.Start();
  ChangeVolumes change;
  change.operation_uuid = Uuid(1);
  change.create = {{directory / "volumes/roles/eng web/v"}};
  ASSERT_TRUE(store.Change(change).ok());
  ASSERT_TRUE(store.Change(change).ok());
  std::filesystem::create_directories(directory / "volumes/roles/eng web/v/deep/below");
  std::ofstream(directory / "volumes/roles/eng web/v/file") << "x";

  std::swap(change.create, change.destroy);
  ASSERT_TRUE(store.Change(change).ok());
  EXPECT_FALSE(std::filesystem::exists(directory / "volumes/roles/eng web"));
  ASSERT_TRUE(store.Change(change).ok());

  EXPECT_TRUE(testing::Eventually(
      absl::Seconds(60), [&] { return std::filesystem::is_empty(directory / "volumes/trash"); }));
}

TEST(VolumeStore, WhatWasNeverMadeIsDestroyed) {
  testing::TempDir directory;
  VolumeStore store(directory.path());
  ChangeVolumes change;
  change.destroy = {{directory / "volumes/roles/eng/v"}};

  EXPECT_TRUE(store.Change(change).ok());
}

// Others would lose what they write to.
TEST(VolumeStore, ASharedVolumeStaysWithItsFirstUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: giving files away needs root";
  testing::TempDir directory;
  const std::string volume = directory / "v";
  std::filesystem::create_directory(volume);
  const auto use = [&](const std::string& sandbox, uid_t user, bool is_shared) {
    std::filesystem::create_directory(directory / sandbox);
    EXPECT_EQ(::chown((directory / sandbox).c_str(), user, user), 0);
    EXPECT_TRUE(VolumeStore::Link(directory / sandbox, {volume, "data", is_shared}).ok());
    struct stat info;
    EXPECT_EQ(::stat(volume.c_str(), &info), 0);
    return info.st_uid;
  };

  EXPECT_EQ(use("a", 1001, true), 1001u);
  EXPECT_EQ(use("b", 1002, true), 1001u);
  EXPECT_EQ(use("c", 1002, false), 1002u);
}

TEST(VolumeStore, EmptiesMountsInPlaceAndFollowsNoLinks) {
  testing::TempDir directory;
  std::filesystem::create_directories(directory / "mount/a");
  std::filesystem::create_directories(directory / "other");
  std::ofstream(directory / "other/file") << "x";
  std::filesystem::create_directory_symlink(directory / "other", directory / "mount/a/link");
  VolumeStore store(directory.path());
  ChangeVolumes change;
  change.destroy = {{directory / "mount", true}};

  ASSERT_TRUE(store.Change(change).ok());

  EXPECT_TRUE(std::filesystem::is_empty(directory / "mount"));
  EXPECT_TRUE(std::filesystem::exists(directory / "other/file"));
}

TEST(VolumeStore, LinksAVolumeIntoASandbox) {
  testing::TempDir directory;
  std::filesystem::create_directories(directory / "volume");
  std::filesystem::create_directories(directory / "sandbox");

  ASSERT_TRUE(VolumeStore::Link(directory / "sandbox", {directory / "volume", "x/data"}).ok());

  std::ofstream(directory / "sandbox/x/data/file") << "x";
  EXPECT_TRUE(std::filesystem::exists(directory / "volume/file"));
  EXPECT_FALSE(VolumeStore::Link(directory / "sandbox", {directory / "none", "other"}).ok());
}

}  // namespace
}  // namespace meros::agent
