// Goal: groups, operations and whole ACCEPTs that break a rule are refused as frameworks of Mesos
// know it, and what comes with them is carried out. Method: as in launch_rules_test.cc; a row per
// rule, named after it. SUBSCRIBE, too.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/master/shell/test_scheduler.h"

namespace meros::master::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::ValuesIn;

// ---- LAUNCH_GROUP ----

struct GroupRow {
  std::string rule;
  std::string executor;  // merged into a good one
  std::string second;    // merged into the second task
  std::string expected;
};

constexpr char kPod[] = "executor_id { value: 'e' } ";

std::string GroupTask(const std::string& id, const std::string& more) {
  return absl::StrCat("tasks { name: 't' task_id { value: '", id, "' } agent_id { value: 'm-S0' } ",
                      Scalar("cpus", "1"), kRunSleep, more, " } ");
}

class GroupRules : public ::testing::TestWithParam<GroupRow> {};

TEST_P(GroupRules, OneFaultIsEveryTasksError) {
  Scheduler scheduler;
  const std::string executor =
      absl::StrCat(kPod,
                   GetParam().executor.find("resources") == std::string::npos
                       ? Scalar("cpus", "0.1") + Scalar("mem", "32") + Scalar("disk", "10")
                       : "",
                   GetParam().executor);

  const Lines lines = scheduler.Accept(absl::StrCat(
      "operations { type: LAUNCH_GROUP launch_group { executor { ", executor, " } task_group { ",
      GroupTask("first", ""), GroupTask("second", GetParam().second), " } } } ",
      "operations { type: LAUNCH launch { ", Task("good", kRunSleep), " } }"));

  for (const char* task : {"first", "second"}) {
    EXPECT_THAT(lines, Contains(AllOf(HasSubstr(absl::StrCat("scheduler 1: UPDATE ", task, " ")),
                                      HasSubstr("TASK_ERROR REASON_TASK_GROUP_INVALID"),
                                      HasSubstr(GetParam().expected))));
  }
  EXPECT_THAT(lines, Contains("agent 2: RUN good role=eng"));
}

std::vector<GroupRow> GroupRows() {
  return {
      {"Executor has a type", "", "", "executor.type: must be DEFAULT or CUSTOM"},
      {"Executor of type default has no command", "type: DEFAULT command { value: 'x' }", "",
       "executor.command: must not be set for type DEFAULT"},
      {"Executor of type default is in a Mesos container without image",
       "type: DEFAULT container { type: MESOS mesos { image { type: DOCKER } } }", "",
       "must be of type MESOS without an image"},
      {"Executor of type custom has a command", "type: CUSTOM", "",
       "executor.command: must be set for type CUSTOM"},
      {"Executor is not of docker",
       "type: CUSTOM command { value: 'x' } container { type: DOCKER docker { image: 'i' } }", "",
       "must not be of type DOCKER"},
      {"Executor has some cpus",
       "type: DEFAULT " + Scalar("cpus", "0.001") + Scalar("mem", "32") + Scalar("disk", "1"), "",
       "must have at least 0.01 cpus"},
      {"Executor has some mem",
       "type: DEFAULT " + Scalar("cpus", "0.1") + Scalar("mem", "31") + Scalar("disk", "1"), "",
       "must have at least 32 MiB of mem"},
      {"Executor has some disk", "type: DEFAULT " + Scalar("cpus", "0.1") + Scalar("mem", "32"), "",
       "must have some disk"},
      {"Rules 1 to 9 hold for each task", "type: DEFAULT",
       "kill_policy { grace_period { nanoseconds: -1 } }", "kill_policy.grace_period"},
      {"Executor of a task is that of the group", "type: DEFAULT",
       "executor { executor_id { value: 'other' } }", "must be the group's executor"},
      {"Task is not of docker", "type: DEFAULT", "container { type: DOCKER docker { image: 'i' } }",
       "must not be of type DOCKER"},
      {"Task with its own network has no http or tcp health check", "type: DEFAULT",
       "container { type: MESOS network_infos {} } health_check { tcp { port: 1 } type: TCP }",
       "must not be HTTP or TCP"},
      {"Limits need cgroups of the task's own", "type: DEFAULT",
       "limits { key: 'cpus' value { value: 4 } }", "need share_cgroups=false"},
      {"All tasks share cgroups or none does", "type: DEFAULT",
       "container { type: MESOS linux_info { share_cgroups: false } }",
       "must have the same share_cgroups"},
  };
}
INSTANTIATE_TEST_SUITE_P(Each, GroupRules, ValuesIn(GroupRows()), RowName<GroupRow>);

// ---- ACCEPT as a whole, and the other operations ----

struct OperationRow {
  std::string rule;
  std::string operation;
  std::string expected;  // of the OPERATION_ERROR
};

class OperationRules : public ::testing::TestWithParam<OperationRow> {};

TEST_P(OperationRules, OneOperationIsDroppedAndTheOthersAreCarriedOut) {
  Scheduler scheduler;

  const Lines lines = scheduler.Accept(
      absl::StrCat("operations { id { value: 'bad' } ", GetParam().operation,
                   " } operations { type: LAUNCH launch { ", Task("good", kRunSleep), " } }"));

  EXPECT_THAT(lines, Contains(AllOf(HasSubstr("scheduler 1: OPERATION_ERROR bad"),
                                    Not(HasSubstr("uuid=")), HasSubstr(GetParam().expected))));
  EXPECT_THAT(lines, Contains("agent 2: RUN good role=eng"));
  EXPECT_THAT(lines, Not(Contains(HasSubstr("APPLY"))));
}

std::string Reserved(absl::string_view member, absl::string_view reservation,
                     absl::string_view more = "") {
  return absl::StrCat(member, " { name: 'cpus' type: SCALAR scalar { value: 1 } ", reservation, " ",
                      more, " } ");
}
std::string By(absl::string_view role, absl::string_view principal) {
  return absl::StrCat("reservations { type: DYNAMIC role: '", role, "' principal: '", principal,
                      "' }");
}

std::vector<OperationRow> Members() {
  return {
      {"Type is known", "", "type: must be a known type"},
      {"LAUNCH has launch", "type: LAUNCH", "launch: must be set"},
      {"LAUNCH_GROUP has launch_group", "type: LAUNCH_GROUP", "launch_group: must be set"},
      {"RESERVE has reserve", "type: RESERVE", "reserve: must be set"},
      {"UNRESERVE has unreserve", "type: UNRESERVE", "unreserve: must be set"},
      {"CREATE has create", "type: CREATE", "create: must be set"},
      {"DESTROY has destroy", "type: DESTROY", "destroy: must be set"},
      {"GROW_VOLUME has grow_volume", "type: GROW_VOLUME", "grow_volume: must be set"},
      {"SHRINK_VOLUME has shrink_volume", "type: SHRINK_VOLUME", "shrink_volume: must be set"},
      {"CREATE_DISK has create_disk", "type: CREATE_DISK", "create_disk: must be set"},
      {"DESTROY_DISK has destroy_disk", "type: DESTROY_DISK", "destroy_disk: must be set"},
  };
}
INSTANTIATE_TEST_SUITE_P(Members, OperationRules, ValuesIn(Members()), RowName<OperationRow>);

std::vector<OperationRow> Contents() {
  return {
      {"RESERVE of valid resources",
       "type: RESERVE reserve { resources { name: 'cpus' type: SCALAR scalar { value: -1 } } }",
       "reserve.resources[0].scalar.value"},
      {"RESERVE without source",
       absl::StrCat("type: RESERVE reserve { ", Reserved("resources", By("eng", "p")),
                    Reserved("source", ""), "}"),
       "reserve.source is for operators"},
      {"RESERVE for the role of the offer",
       absl::StrCat("type: RESERVE reserve { ", Reserved("resources", By("other", "p")), "}"),
       "reserved for role 'other', but the offers are to role 'eng'"},
      {"RESERVE not for the default role",
       absl::StrCat("type: RESERVE reserve { ", Reserved("resources", By("*", "p")), "}"),
       "role '*' cannot hold a reservation"},
      {"RESERVE by the framework's principal",
       absl::StrCat("type: RESERVE reserve { ", Reserved("resources", By("eng", "q")), "}"),
       "the principal of a reservation must be the framework's, 'p'"},
      {"RESERVE refines to the role of the offer, too",
       absl::StrCat("type: RESERVE reserve { ",
                    Reserved("resources", By("eng", "p") + " " + By("eng/a", "p")), "}"),
       "reserved for role 'eng/a', but the offers are to role 'eng'"},
      {"RESERVE of nothing revocable",
       absl::StrCat("type: RESERVE reserve { ",
                    Reserved("resources", By("eng", "p"), "revocable {}"), "}"),
       "is revocable: cpus"},
      {"RESERVE of what the offers hold",
       "type: RESERVE reserve { resources { name: 'cpus' type: SCALAR scalar { value: 400 } "
       "reservations { type: DYNAMIC role: 'eng' principal: 'p' } } }",
       "but of the offers only"},
      {"UNRESERVE of what is reserved",
       absl::StrCat("type: UNRESERVE unreserve { ", Reserved("resources", ""), "}"),
       "is not dynamically reserved: cpus"},
      {"CREATE of a volume",
       absl::StrCat("type: CREATE create { ", Reserved("volumes", By("eng", "p")), "}"),
       "is not a persistent volume: cpus"},
      {"CREATE with a persistence id",
       "type: CREATE create { volumes { name: 'disk' type: SCALAR scalar { value: 1 } "
       "reservations { type: DYNAMIC role: 'eng' principal: 'p' } disk { persistence { id: 'a/b' "
       "principal: 'p' } volume { container_path: 'd' mode: RW } } } }",
       "must not contain '/'"},
      {"CREATE is not read only",
       "type: CREATE create { volumes { name: 'disk' type: SCALAR scalar { value: 1 } "
       "reservations { type: DYNAMIC role: 'eng' principal: 'p' } disk { persistence { id: 'v' "
       "principal: 'p' } volume { container_path: 'd' mode: RO } } } }",
       "a new volume cannot be read-only"},
      {"CREATE by the framework's principal",
       "type: CREATE create { volumes { name: 'disk' type: SCALAR scalar { value: 1 } "
       "reservations { type: DYNAMIC role: 'eng' principal: 'p' } disk { persistence { id: 'v' "
       "principal: 'q' } volume { container_path: 'd' mode: RW } } } }",
       "the principal of a volume must be the framework's, 'p'"},
      {"DESTROY of a volume that exists",
       "type: DESTROY destroy { volumes { name: 'disk' type: SCALAR scalar { value: 1 } "
       "reservations { type: DYNAMIC role: 'eng' principal: 'p' } disk { persistence { id: 'v' "
       "principal: 'p' } volume { container_path: 'd' mode: RW } } } }",
       "but of the offers only"},
      {"SHRINK_VOLUME by more than nothing",
       "type: SHRINK_VOLUME shrink_volume { subtract { value: 0 } volume { name: 'disk' type: "
       "SCALAR scalar { value: 9 } reservations { type: DYNAMIC role: 'eng' principal: 'p' } disk "
       "{ persistence { id: 'v' principal: 'p' } volume { container_path: 'd' mode: RW } } } }",
       "subtract must be more than 0"},
  };
}
INSTANTIATE_TEST_SUITE_P(Contents, OperationRules, ValuesIn(Contents()), RowName<OperationRow>);

// A disk as an operation's source; `more` is merged into its disk info's source.
std::string Disk(absl::string_view type, absl::string_view more = "",
                 absl::string_view provider = "provider_id { value: 'rp' }") {
  return absl::StrCat("source { name: 'disk' type: SCALAR scalar { value: 1 } ", provider,
                      " disk { source { type: ", type, " ", more, " } } } ");
}
std::string CreateDisk(absl::string_view source, absl::string_view more = "target_type: MOUNT") {
  return absl::StrCat("type: CREATE_DISK create_disk { ", source, " ", more, " }");
}
std::string DestroyDisk(absl::string_view source) {
  return absl::StrCat("type: DESTROY_DISK destroy_disk { ", source, " }");
}

// In the order in which they are judged: each row breaks its rule and, but the last ones, those
// after it.
std::vector<OperationRow> Disks() {
  constexpr char kPlain[] = "source { name: 'disk' type: SCALAR scalar { value: 1 } } ";
  constexpr char kOfProvider[] =
      "source { name: 'disk' type: SCALAR scalar { value: 1 } provider_id { value: 'rp' } } ";
  return {
      {"CREATE_DISK of a valid resource",
       CreateDisk("source { name: 'disk' type: SCALAR scalar { value: -1 } } "),
       "create_disk.source.scalar.value"},
      {"CREATE_DISK of a disk of a provider", CreateDisk(kPlain),
       "create_disk.source.provider_id: must be set"},
      {"CREATE_DISK of a RAW disk", CreateDisk(kOfProvider),
       "create_disk.source: must be a RAW disk"},
      {"CREATE_DISK of no other kind of disk", CreateDisk(Disk("BLOCK")),
       "create_disk.source: must be a RAW disk"},
      {"CREATE_DISK makes a MOUNT or BLOCK disk",
       CreateDisk(Disk("RAW", "profile: 'fast'"), "target_type: RAW target_profile: 'p'"),
       "create_disk.target_type: must be MOUNT or BLOCK"},
      {"CREATE_DISK takes the profile of the source",
       CreateDisk(Disk("RAW", "profile: 'fast'"), "target_type: BLOCK target_profile: 'p'"),
       "create_disk.target_profile: must not be set"},
      {"CREATE_DISK needs some profile", CreateDisk(Disk("RAW", "id: 'i'")),
       "create_disk.target_profile: must be set"},
      {"CREATE_DISK of what the offers hold", CreateDisk(Disk("RAW", "profile: 'fast'")),
       "the offers hold nothing of resource provider rp"},
      {"DESTROY_DISK of a valid resource",
       DestroyDisk("source { name: 'disk' type: SCALAR scalar { value: -1 } } "),
       "destroy_disk.source.scalar.value"},
      {"DESTROY_DISK of a disk of a provider", DestroyDisk(kPlain),
       "destroy_disk.source.provider_id: must be set"},
      {"DESTROY_DISK of a MOUNT, BLOCK or RAW disk", DestroyDisk(kOfProvider),
       "destroy_disk.source: must be a MOUNT, BLOCK or RAW disk"},
      {"DESTROY_DISK not of a PATH disk", DestroyDisk(Disk("PATH", "path { root: '/d' }")),
       "destroy_disk.source: must be a MOUNT, BLOCK or RAW disk"},
      {"DESTROY_DISK of a disk with a volume behind it", DestroyDisk(Disk("RAW", "profile: 'p'")),
       "destroy_disk.source.disk.source.id: must be set"},
      {"DESTROY_DISK of what holds no persistent volume",
       DestroyDisk("source { name: 'disk' type: SCALAR scalar { value: 1 } provider_id { value: "
                   "'rp' } reservations { type: DYNAMIC role: 'eng' principal: 'p' } disk { "
                   "persistence { id: 'v' principal: 'p' } volume { container_path: 'd' mode: RW } "
                   "source { type: MOUNT id: 'i' mount { root: '/d' } } } } "),
       "destroy_disk.source: must not be a persistent volume"},
      {"DESTROY_DISK of what the offers hold", DestroyDisk(Disk("BLOCK", "id: 'i'")),
       "the offers hold nothing of resource provider rp"},
  };
}
INSTANTIATE_TEST_SUITE_P(Disks, OperationRules, ValuesIn(Disks()), RowName<OperationRow>);

TEST(AcceptRules, ALaunchWithoutTasksLeavesTheStreamOpen) {
  Scheduler scheduler;

  const Lines lines = scheduler.Accept("operations { type: LAUNCH }");

  EXPECT_THAT(lines, Not(Contains(HasSubstr("stream ends"))));
  EXPECT_THAT(lines, Contains(HasSubstr("RECOVER m-0000 eng m-S0")));
}

struct AcceptRow {
  std::string rule;
  std::function<std::string(Scheduler*)> offers;  // as text
  std::string expected;
};

std::string OfferText(const OfferId& id) {
  return absl::StrCat("offer_ids { value: '", id.value(), "' } ");
}

class AcceptOfferRules : public ::testing::TestWithParam<AcceptRow> {};

TEST_P(AcceptOfferRules, TheCallIsInvalidAsAWhole) {
  Scheduler scheduler;
  const std::string offers = GetParam().offers(&scheduler);

  const Lines lines = scheduler.Call(absl::StrCat(
      "type: ACCEPT accept { ", offers, "operations { type: LAUNCH launch { ", Task("t", kRunSleep),
      " } } operations { type: RESERVE id { value: 'op' } reserve { ",
      Reserved("resources", By("eng", "p")), "} } }"));

  EXPECT_THAT(lines, Contains(AllOf(HasSubstr("UPDATE t TASK_DROPPED REASON_INVALID_OFFERS"),
                                    HasSubstr(GetParam().expected))));
  EXPECT_THAT(lines, Contains(HasSubstr("OPERATION_ERROR op")));
  EXPECT_THAT(lines, Not(Contains(HasSubstr("agent 2:"))));
}

std::vector<AcceptRow> AcceptRows() {
  return {
      {"Some offer is named", [](Scheduler*) { return std::string(); }, "no offers are named"},
      {"No offer is named twice",
       [](Scheduler* s) {
         return OfferText(s->driver().Offer(1)) + OfferText(s->driver().Offer(1));
       },
       "is named twice"},
      {"Offers are valid",
       [](Scheduler* s) { return OfferText(s->driver().Offer(1)) + OfferText(OfferId("stale")); },
       "offer stale is no longer valid"},
      {"Offers are the framework's",
       [](Scheduler* s) {
         AFramework other;
         other.name = "other";
         s->driver().Subscribe(7, other);
         s->driver().CommitWrites();
         s->driver().Propose(70, "m-0001", "m-S0", Parsed("cpus:1"));
         return OfferText(s->driver().Offer(2));
       },
       "is no longer valid"},
      {"Offers are of one agent",
       [](Scheduler* s) {
         s->driver().Register(3, "k2", s->kAll);
         s->driver().Propose(71, "m-0000", "m-S1", Parsed("cpus:1"), "eng");
         return OfferText(s->driver().Offer(1)) + OfferText(s->driver().Offer(2));
       },
       "the offers are of different agents"},
  };
}
INSTANTIATE_TEST_SUITE_P(Each, AcceptOfferRules, ValuesIn(AcceptRows()), RowName<AcceptRow>);

// ---- SUBSCRIBE ----

struct SubscribeRow {
  std::string rule;
  std::string info;       // of the framework, but user and name
  std::string subscribe;  // beside framework_info
  std::string expected;
};

class SubscribeRules : public ::testing::TestWithParam<SubscribeRow> {};

TEST_P(SubscribeRules, TheSubscriptionIsRefused) {
  v1::scheduler::Call call;
  ASSERT_TRUE(google::protobuf::TextFormat::MergeFromString(
      absl::StrCat("type: SUBSCRIBE subscribe { framework_info { user: 'u' name: 'n' ",
                   GetParam().info, " } ", GetParam().subscribe, " }"),
      &call));
  if (call.subscribe().framework_info().has_id()) {
    *call.mutable_framework_id() = call.subscribe().framework_info().id();
  }

  const absl::Status status = DecodeCall(call, {.stream = 9}, "call").status();

  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(GetParam().expected));
}

std::vector<SubscribeRow> SubscribeRows() {
  constexpr char kMany[] = "capabilities { type: MULTI_ROLE } ";
  return {
      {"With MULTI_ROLE role is not set", absl::StrCat(kMany, "role: 'a'"), "",
       "role: must not be set"},
      {"With MULTI_ROLE no role is given twice", absl::StrCat(kMany, "roles: 'a' roles: 'a'"), "",
       "is given twice"},
      {"Without MULTI_ROLE roles is empty", "roles: 'a'", "", "needs the capability MULTI_ROLE"},
      {"Role is valid", "role: 'a//b'", "", "has an empty component"},
      {"Each of the roles is valid", absl::StrCat(kMany, "roles: 'a' roles: '-b'"), "",
       "starts with '-'"},
      {"Id is valid", "id { value: 'a/b' }", "", "id.value: must not contain '/'"},
      {"Quantities of a filter are not empty",
       "offer_filters { key: 'a' value { min_allocatable_resources { quantities {} } } }", "",
       "quantities: must not be empty"},
      {"Quantities of a filter are finite",
       "offer_filters { key: 'a' value { min_allocatable_resources { quantities { quantities { "
       "key: 'cpus' value { value: inf } } } } } }",
       "", "must be finite"},
      {"Quantities of a filter are not negative",
       "offer_filters { key: 'a' value { min_allocatable_resources { quantities { quantities { "
       "key: 'cpus' value { value: -1 } } } } } }",
       "", "must be finite and >= 0"},
      {"Quantities of a filter are not subnormal",
       "offer_filters { key: 'a' value { min_allocatable_resources { quantities { quantities { "
       "key: 'cpus' value { value: 1e-310 } } } } } }",
       "", "subnormal"},
      {"Failover timeout is finite", "failover_timeout: inf", "", "failover_timeout"},
      {"Failover timeout is within 292 years", "failover_timeout: 1e11", "", "292 years"},
      {"Suppressed roles are the framework's", "role: 'a'", "suppressed_roles: 'b'",
       "the framework has no role 'b'"},
      {"Roles of offer constraints are the framework's", "role: 'a'",
       "offer_constraints { role_constraints { key: 'b' value { groups {} } } }",
       "the framework has no such role"},
      {"Offer constraints are valid", "role: 'a'",
       "offer_constraints { role_constraints { key: 'a' value { groups {} } } }",
       "attribute_constraints: must not be empty"},
  };
}
INSTANTIATE_TEST_SUITE_P(Each, SubscribeRules, ValuesIn(SubscribeRows()), RowName<SubscribeRow>);

}  // namespace
}  // namespace meros::master::testing
