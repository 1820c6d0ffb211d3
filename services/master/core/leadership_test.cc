// Leadership: the lease, fail-over of the master, doubt, and what a new leader recovers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/master/core/testing/driver.h"

namespace meros::master::testing {
namespace {

using resources::Resources;
using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

LeaseAnswer Held(uint64_t attempt) {
  return {attempt, LeaseAnswer::Kind::kHeldByOther, 7, absl::ZeroDuration(), "other:7050"};
}

// The newest lease question among the effects.
uint64_t Attempt(const EffectList& effects) {
  uint64_t attempt = 0;
  for (const Effect& effect : effects) {
    if (const auto* renew = std::get_if<RenewLease>(&effect)) attempt = renew->attempt;
    if (const auto* acquire = std::get_if<AcquireLease>(&effect)) attempt = acquire->attempt;
  }
  return attempt;
}

LeaseAnswer Granted(uint64_t attempt, uint64_t epoch) {
  return {attempt, LeaseAnswer::Kind::kGranted, epoch, TestOptions().lease_ttl, ""};
}

TEST(LeadershipOfAMaster, AStandbyRefusesAndNamesTheLeader) {
  CoreDriver driver;
  driver.Do(runtime::Tick{});
  driver.Do(Held(Attempt(driver.effects())));

  EXPECT_THAT(driver.Subscribe(1), ElementsAre(HasSubstr("leader=other:7050")));
  EXPECT_THAT(driver.Do(AgentHeartbeat{2}), ElementsAre(HasSubstr("leader=other:7050")));
  EXPECT_THAT(driver.Call(0, "f", TeardownCall{}, 3),
              ElementsAre(HasSubstr("reply 3: FAILED_PRECONDITION")));
}

TEST(LeadershipOfAMaster, TheLeaseIsRenewedInTime) {
  CoreDriver driver;
  driver.Lead();
  driver.Subscribe(1);

  driver.Advance(absl::Minutes(10));

  EXPECT_EQ(driver.core().leadership(), LeadershipState::kLeading);
}

TEST(LeadershipOfAMaster, NothingIsDoneAfterTheLeaseEndsAndAllIsMadeUpForWhenItIsRenewed) {
  CoreDriver driver;
  driver.Lead();
  driver.Subscribe(1);
  driver.Register(2, "k", Resources::Of(4, 4096));
  driver.set_registry_answers(false);

  driver.Advance(absl::Seconds(11));
  ASSERT_EQ(driver.core().leadership(), LeadershipState::kFenced);
  // Nothing that anyone could see.
  EXPECT_THAT(driver.Call(0, "m-0000", TeardownCall{}, 3), IsEmpty());
  EXPECT_THAT(driver.Do(AgentRegister{4, DescriptionOf("k2", Resources::Of(1, 64))}), IsEmpty());
  EXPECT_THAT(driver.Advance(absl::Seconds(30)), Not(Contains(HasSubstr("scheduler"))));

  driver.set_registry_answers(true);
  const auto lines = driver.Advance(absl::Seconds(20));
  EXPECT_EQ(driver.core().leadership(), LeadershipState::kLeading);
  EXPECT_THAT(lines, Contains(HasSubstr("REMOVE_FRAMEWORK m-0000")));
  EXPECT_THAT(lines, Contains(HasSubstr("ADMIT m-S1")));
  EXPECT_THAT(driver.CommitWrites(), Contains("reply 3: OK"));
}

TEST(LeadershipOfAMaster, ADoubtfulLeaseDoesNotMakeAgentsUnreachable) {
  CoreDriver driver;
  driver.Lead();
  driver.Register(2, "k", Resources::Of(4, 4096));
  driver.set_registry_answers(false);
  driver.Advance(absl::Seconds(60));

  driver.set_registry_answers(true);
  driver.Advance(driver.options().lease_ttl + absl::Seconds(1));

  ASSERT_EQ(driver.core().leadership(), LeadershipState::kLeading);
  EXPECT_EQ(driver.books().agents.Find(AgentId("m-S0"))->record.state, AgentState::kRegistered);
}

// It may be this master alone that is cut off: whoever is connected looks for another.
TEST(LeadershipOfAMaster, ADoubtThatLastsTooLongEndsAllStreams) {
  MasterOptions options = TestOptions();
  options.fenced_max = absl::Seconds(5);
  CoreDriver driver(options);
  driver.Lead(3);
  driver.Subscribe(1);
  driver.Register(2, "k", Resources::Of(4, 4096));
  driver.set_registry_answers(false);
  driver.Advance(options.lease_ttl);
  ASSERT_EQ(driver.core().leadership(), LeadershipState::kFenced);
  EXPECT_THAT(driver.Call(0, "m-0000", TeardownCall{}, 3), IsEmpty());

  EXPECT_THAT(driver.Advance(absl::Milliseconds(4900)), Not(Contains(HasSubstr("close"))));
  const auto lines = driver.Advance(absl::Milliseconds(200));

  EXPECT_THAT(lines, Contains(HasSubstr("close 1: FAILED_PRECONDITION")));
  EXPECT_THAT(lines, Contains(HasSubstr("close 2: FAILED_PRECONDITION")));
  EXPECT_THAT(lines, Contains(HasSubstr("reply 3: FAILED_PRECONDITION")));
  EXPECT_THAT(lines, Not(Contains(HasSubstr("RELEASE")))) << "it might be heard too late";
  EXPECT_THAT(driver.core().leadership(),
              AnyOf(LeadershipState::kStandby, LeadershipState::kAcquiring));
  EXPECT_EQ(driver.books().agents.size(), 0u);
}

// The lease of the leadership that it has given up goes on for a while; nobody leads by it.
TEST(LeadershipOfAMaster, WhoHasSteppedDownDoesNotNameItself) {
  CoreDriver driver;
  driver.Lead(3);
  driver.Subscribe(1);
  driver.set_registry_answers(false);
  driver.Advance(driver.options().lease_ttl + driver.options().fenced_max + absl::Seconds(1));
  const uint64_t asked = Attempt(driver.effects());
  ASSERT_NE(asked, 0u);

  driver.Do(LeaseAnswer{asked, LeaseAnswer::Kind::kHeldByOther, 3, absl::ZeroDuration(),
                        driver.options().advertise_address});

  EXPECT_EQ(driver.core().leadership(), LeadershipState::kStandby);
  for (const Effect& effect : driver.effects()) {
    const auto* publish = std::get_if<Publish>(&effect);
    if (publish == nullptr) continue;
    const auto* record = std::get_if<LeadershipRecord>(&publish->change);
    if (record != nullptr) {
      EXPECT_EQ(record->leader_address, "");
    }
  }
  EXPECT_THAT(driver.Call(0, "m-0000", TeardownCall{}, 3),
              ElementsAre(HasSubstr("this master does not lead, and knows of no leader")));
}

// It may be that the others have waited for it, and nobody for the lease.
TEST(LeadershipOfAMaster, WhoStoodStillForLongerStillTriesToGoOn) {
  MasterOptions options = TestOptions();
  options.fenced_max = absl::Seconds(5);
  CoreDriver driver(options);
  driver.Lead(3);
  driver.Subscribe(1);
  driver.set_now(driver.now() + absl::Minutes(1));

  EXPECT_THAT(driver.Do(runtime::Tick{}), Not(Contains(HasSubstr("close"))));
  driver.Do(Granted(Attempt(driver.effects()), 3));

  EXPECT_EQ(driver.core().leadership(), LeadershipState::kLeading);
}

TEST(LeadershipOfAMaster, WhenAnotherLeadsAllStreamsEndAndTheBooksAreVoid) {
  CoreDriver driver;
  driver.Lead();
  driver.ConnectAllocator();
  driver.Subscribe(1);
  driver.Register(2, "k", Resources::Of(4, 4096));
  driver.set_registry_answers(false);
  driver.Advance(absl::Seconds(4));

  const auto lines = driver.Do(Held(Attempt(driver.effects())));

  EXPECT_THAT(lines, Contains(HasSubstr("close 1: FAILED_PRECONDITION")));
  EXPECT_THAT(lines, Contains(HasSubstr("close 2: FAILED_PRECONDITION")));
  EXPECT_THAT(lines, Contains(HasSubstr("close 900: FAILED_PRECONDITION")));
  EXPECT_THAT(lines, Contains(HasSubstr("leader=other:7050")));
  EXPECT_EQ(driver.books().agents.size(), 0u);
}

TEST(LeadershipOfAMaster, AWriteRefusedForItsEpochEndsLeadership) {
  CoreDriver driver;
  driver.Lead();
  driver.Subscribe(1);
  driver.Do(AgentRegister{2, DescriptionOf("k", Resources::Of(4, 4096))});

  const auto lines = driver.CommitWrites(absl::FailedPreconditionError("epoch 1 is over"));

  EXPECT_THAT(lines, Contains(HasSubstr("close 1: FAILED_PRECONDITION")));
  EXPECT_EQ(driver.core().leadership(), LeadershipState::kStandby);
}

TEST(LeadershipOfAMaster, TooManyDeferredInputsCutTheirStream) {
  MasterOptions options = TestOptions();
  options.max_deferred_inputs = 3;
  CoreDriver driver(options);
  driver.Lead();
  driver.Subscribe(1);
  driver.set_registry_answers(false);
  driver.Advance(absl::Seconds(11));
  for (int i = 0; i < 3; ++i) EXPECT_THAT(driver.Do(AgentHeartbeat{9}), IsEmpty());

  EXPECT_THAT(driver.Do(AgentHeartbeat{9}), ElementsAre(HasSubstr("close 9: UNAVAILABLE")));
}

// The master is granted the lease, and this is what becomes of reading the records.
std::vector<std::string> ReadAtTheStart(CoreDriver* driver, absl::Status status) {
  driver->Do(runtime::Tick{});
  driver->Do(Granted(Attempt(driver->effects()), 1));
  RegistrySnapshot snapshot;
  snapshot.epoch = 1;
  snapshot.status = std::move(status);
  return driver->Do(std::move(snapshot));
}

// It would lead by a part of the books.
TEST(LeadershipOfAMaster, EndsWhereRecordsNeedALaterVersion) {
  CoreDriver driver;

  const auto lines =
      ReadAtTheStart(&driver, absl::UnimplementedError("the registry needs NEW"));

  EXPECT_THAT(lines, Contains("quit: the registry needs NEW"));
  EXPECT_THAT(lines, Contains(HasSubstr("RELEASE")));
  EXPECT_EQ(driver.core().leadership(), LeadershipState::kStopping);
}

TEST(LeadershipOfAMaster, ReadsADamagedRecordAgainButRarely) {
  CoreDriver driver;
  ReadAtTheStart(&driver, absl::DataLossError("record 'a' cannot be read"));

  const auto at_once = driver.Advance(absl::Seconds(4));
  EXPECT_THAT(at_once, Not(Contains(HasSubstr("READ")))) << "each try reads and logs everything";
  EXPECT_THAT(driver.Advance(absl::Seconds(2)), Contains(HasSubstr("READ")));
  EXPECT_EQ(driver.core().leadership(), LeadershipState::kRecovering);
}

TEST(LeadershipOfAMaster, AStandbyInAnotherRegionThanTheLeaderEnds) {
  for (const std::string& region : std::vector<std::string>{"", "here", "elsewhere"}) {
    SCOPED_TRACE(region);
    MasterOptions options = TestOptions();
    options.domain = {.region = "here", .zone = "z"};
    CoreDriver driver(options);
    driver.Do(runtime::Tick{});
    LeaseAnswer answer = Held(Attempt(driver.effects()));
    answer.leader_region = region;

    const auto lines = driver.Do(std::move(answer));

    if (region == "elsewhere") {
      EXPECT_THAT(lines,
                  Contains("quit: the leader other:7050 is in region elsewhere, this master "
                           "in here (--domain): masters of one cluster must share a region"));
      EXPECT_EQ(driver.core().leadership(), LeadershipState::kStopping);
    } else {
      EXPECT_THAT(lines, Not(Contains(HasSubstr("quit"))));
      EXPECT_EQ(driver.core().leadership(), LeadershipState::kStandby);
    }
  }
}

TEST(LeadershipOfAMaster, StoppingGivesTheLeaseBack) {
  CoreDriver driver;
  driver.Lead(3);
  driver.Subscribe(1);

  EXPECT_THAT(driver.Do(Stop{}),
              ElementsAre(HasSubstr("close 1: UNAVAILABLE"), "registry: RELEASE epoch=3"));
}

// ---- What a new leader recovers ----

RegistrySnapshot ClusterOfOne() {
  RegistrySnapshot snapshot;
  snapshot.agents.push_back({AgentId("a"), RegistrySnapshot::AgentEntry::State::kAdmitted,
                             std::make_shared<const v1::AgentInfo>(), "k"});
  RegistrySnapshot::FrameworkEntry framework;
  framework.id = FrameworkId("f");
  AFramework described;
  described.id = "f";
  framework.subscription = SubscriptionOf(described);
  snapshot.frameworks.push_back(framework);
  return snapshot;
}

AgentReregister ReturnOf(const std::string& id, StreamId stream, std::vector<ReportedTask> tasks) {
  AgentReregister message;
  message.stream = stream;
  message.agent_id = AgentId(id);
  message.agent = DescriptionOf("k", Resources::Of(4, 4096), id);
  message.tasks = std::move(tasks);
  return message;
}

TEST(Recovery, NegativeAnswersAreWithheldUntilAgentsAreBack) {
  CoreDriver driver;
  driver.Lead(2, ClusterOfOne());
  AFramework framework;
  framework.id = "f";
  EXPECT_THAT(driver.Subscribe(1, framework), Contains("scheduler 1: SUBSCRIBED f"));
  const ReconcileCall query{{{TaskId("t"), AgentId()}, {TaskId("t"), AgentId("a")}}};
  EXPECT_THAT(driver.Call(1, "f", query), IsEmpty());

  const auto lines = driver.Do(
      ReturnOf("a", 2, {AReportedTask("t", "f", v1::TASK_RUNNING, Resources::Of(1, 64))}));

  EXPECT_THAT(lines, Contains("agent 2: REREGISTERED a epoch=2"));
  EXPECT_THAT(driver.Call(1, "f", query),
              ElementsAre(HasSubstr("t TASK_RUNNING"), HasSubstr("t TASK_RUNNING")));
}

TEST(Recovery, AgentsThatDoNotReturnBecomeUnreachable) {
  CoreDriver driver;
  driver.Lead(2, ClusterOfOne());
  AFramework framework;
  framework.id = "f";
  driver.Subscribe(1, framework);

  EXPECT_THAT(driver.Advance(absl::Minutes(11)), Contains(HasSubstr("UNREACHABLE a")));
  EXPECT_THAT(driver.CommitWrites(), Contains("scheduler 1: FAILURE a"));
  EXPECT_THAT(driver.Call(1, "f", ReconcileCall{{{TaskId("t"), AgentId("a")}}}),
              ElementsAre(HasSubstr("t TASK_UNREACHABLE")));
}

TEST(Recovery, TheFailoverDeadlineOutlivesTheMaster) {
  RegistrySnapshot snapshot = ClusterOfOne();
  CoreDriver driver;
  snapshot.frameworks[0].failover_deadline = driver.now() + absl::Seconds(30);
  driver.Lead(2, snapshot);

  EXPECT_THAT(driver.Advance(absl::Seconds(20)), Not(Contains(HasSubstr("REMOVE_FRAMEWORK"))));
  EXPECT_THAT(driver.Advance(absl::Seconds(20)), Contains(HasSubstr("REMOVE_FRAMEWORK f")));
}

// While there was no leader it could not come back.
TEST(Recovery, ADeadlineThatIsOverLeavesTimeToComeBack) {
  RegistrySnapshot snapshot = ClusterOfOne();
  CoreDriver driver;
  snapshot.frameworks[0].failover_deadline = driver.now() - absl::Seconds(30);
  driver.Lead(2, snapshot);

  EXPECT_THAT(driver.Advance(absl::Seconds(9)), Not(Contains(HasSubstr("REMOVE_FRAMEWORK"))));
  EXPECT_THAT(driver.Advance(absl::Seconds(2)), Contains(HasSubstr("REMOVE_FRAMEWORK f")));
}

TEST(Recovery, ARemovedFrameworkStaysRemoved) {
  RegistrySnapshot snapshot;
  RegistrySnapshot::FrameworkEntry removed;
  removed.id = FrameworkId("f");
  removed.removed = true;
  snapshot.frameworks.push_back(removed);
  CoreDriver driver;
  driver.Lead(2, snapshot);
  AFramework framework;
  framework.id = "f";

  EXPECT_THAT(driver.Subscribe(1, framework), Contains(HasSubstr("Framework has been removed")));
}

TEST(Recovery, AnUnreadableRegistryIsAskedAgain) {
  CoreDriver driver;
  driver.Do(runtime::Tick{});
  driver.Do(LeaseAnswer{Attempt(driver.effects()), LeaseAnswer::Kind::kGranted, 1,
                        absl::Seconds(10), ""});
  RegistrySnapshot failed;
  failed.epoch = 1;
  failed.status = absl::UnavailableError("away");
  EXPECT_THAT(driver.Do(failed), IsEmpty());

  EXPECT_THAT(driver.Advance(absl::Seconds(2)), Contains("registry: READ epoch=1"));
}

TEST(LeadershipTable, StoppingIsNeverLeft) {
  for (const LeadershipTransition& t : LeadershipTransitions()) {
    EXPECT_NE(t.from, LeadershipState::kStopping);
  }
}

TEST(LeadershipOfAMaster, TheAllocatorHearsForHowManyAgentsQuotasMustWait) {
  RegistrySnapshot snapshot;
  for (const char* id : {"a", "b"}) {
    auto info = std::make_shared<v1::AgentInfo>();
    info->set_hostname(id);
    snapshot.agents.push_back(
        {AgentId(id), RegistrySnapshot::AgentEntry::State::kAdmitted, info, id});
  }
  CoreDriver driver;
  driver.Lead(3, std::move(snapshot));
  EXPECT_THAT(driver.ConnectAllocator(), Contains(HasSubstr("AWAIT 2 agents")));

  AgentReregister back;
  back.stream = 2;
  back.agent_id = AgentId("a");
  back.agent = DescriptionOf("a", Resources::Of(4, 4096), "a");
  EXPECT_THAT(driver.Do(back), Not(Contains(HasSubstr("AWAIT"))));
  EXPECT_THAT(driver.ConnectAllocator(901), Contains(HasSubstr("AWAIT 2 agents")));

  back.stream = 3;
  back.agent_id = AgentId("b");
  back.agent = DescriptionOf("b", Resources::Of(4, 4096), "b");
  EXPECT_THAT(driver.Do(back), Contains(HasSubstr("AWAIT 0 agents")));
  EXPECT_THAT(driver.ConnectAllocator(902), Not(Contains(HasSubstr("AWAIT"))));
}

}  // namespace
}  // namespace meros::master::testing
