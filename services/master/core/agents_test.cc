// Agents: admission, health, loss and return, and what of it must be durable first.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/master/core/testing/driver.h"

namespace meros::master::testing {
namespace {

using resources::Resources;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

AgentReregister Return(StreamId stream, const std::string& id,
                       std::vector<ReportedTask> tasks = {}) {
  AgentReregister message;
  message.stream = stream;
  message.agent_id = AgentId(id);
  message.agent = DescriptionOf("k", Resources::Of(4, 4096), id);
  for (const ReportedTask& task : tasks) {
    AFramework framework;
    framework.id = task.framework_id.value();
    message.frameworks.push_back({task.framework_id, SubscriptionOf(framework)});
  }
  message.tasks = std::move(tasks);
  return message;
}

AgentState StateOf(const CoreDriver& driver, const std::string& id) {
  return driver.books().agents.Find(AgentId(id))->record.state;
}

class Agents : public ::testing::Test {
 protected:
  Agents() {
    driver_.Lead();
    driver_.ConnectAllocator();
    driver_.Subscribe(1);
    driver_.CommitWrites();
  }
  AgentState StateOf(const std::string& id) { return testing::StateOf(driver_, id); }
  // Task "t" of the framework on agent "m-S0", session on stream 2.
  void RunATask() {
    driver_.Register(2, "k", Resources::Of(4, 4096));
    driver_.Propose(1, "m-0000", "m-S0", Resources::Of(4, 4096));
    driver_.Call(1, "m-0000",
                 Accept{{driver_.Offer(1)},
                        {LaunchOperation{{ATask("t", "m-S0", Resources::Of(1, 64))}}},
                        absl::Seconds(5)});
    driver_.Update(2, "m-0000", "t", v1::TASK_RUNNING, "u1");
  }

  CoreDriver driver_;
};

TEST_F(Agents, AdmissionIsDurableBeforeItIsTold) {
  EXPECT_THAT(driver_.Do(AgentRegister{2, DescriptionOf("k", Resources::Of(4, 4096))}),
              ElementsAre(HasSubstr("ADMIT m-S0")));

  EXPECT_THAT(driver_.CommitWrites(), ElementsAre("agent 2: REGISTERED m-S0 epoch=1",
                                                  HasSubstr("AGENT m-S0 active cpus:4;mem:4096")));
}

TEST_F(Agents, AdmissionWaitsForARegistryThatIsAway) {
  driver_.Do(AgentRegister{2, DescriptionOf("k", Resources::Of(4, 4096))});
  EXPECT_THAT(driver_.CommitWrites(absl::UnavailableError("away")), IsEmpty());

  EXPECT_THAT(driver_.Advance(absl::Seconds(1)), Contains(HasSubstr("ADMIT m-S0")));
  EXPECT_THAT(driver_.CommitWrites(), Contains("agent 2: REGISTERED m-S0 epoch=1"));
}

// A damaged store, one that became read-only, a certificate that has run out: no such answer means
// that the record is durable, or ever will be.
TEST_F(Agents, NothingIsToldWhileTheRegistryFailsInWhateverWay) {
  RunATask();
  driver_.Do(AgentStreamClosed{2});
  driver_.Advance(absl::Seconds(16));
  for (const absl::Status& failure :
       {absl::DataLossError("a page is damaged"), absl::PermissionDeniedError("read-only"),
        absl::InternalError("?"), absl::UnknownError("?"), absl::UnauthenticatedError("?"),
        absl::UnimplementedError("?"), absl::OutOfRangeError("?")}) {
    EXPECT_THAT(driver_.CommitWrites(failure), IsEmpty()) << failure;
    EXPECT_EQ(StateOf("m-S0"), AgentState::kMarkingUnreachable) << failure;
    EXPECT_THAT(driver_.Advance(absl::Seconds(4)), Contains(HasSubstr("UNREACHABLE m-S0")))
        << failure;
  }

  EXPECT_THAT(driver_.CommitWrites(), Contains(HasSubstr("UPDATE t TASK_UNREACHABLE")));
}

TEST_F(Agents, RegisteringAgainWithTheSameKeyGivesTheSameId) {
  driver_.Register(2, "k", Resources::Of(4, 4096));

  const auto lines = driver_.Do(AgentRegister{3, DescriptionOf("k", Resources::Of(4, 4096))});

  EXPECT_THAT(lines, Contains(HasSubstr("close 2: ABORTED")));
  EXPECT_THAT(lines, Contains("agent 3: REREGISTERED m-S0 epoch=1"));
  EXPECT_EQ(driver_.books().agents.size(), 1u);
}

TEST_F(Agents, AnIdThatWasTakenIsNotGivenAgain) {
  AgentReregister early = Return(2, "m-S0", {});  // as an earlier master named it, or who guesses
  driver_.Do(early);
  driver_.CommitWrites();

  EXPECT_THAT(driver_.Do(AgentRegister{3, DescriptionOf("another", Resources::Of(4, 4096))}),
              ElementsAre(HasSubstr("ADMIT m-S1")));
}

TEST_F(Agents, AnAgentThatHasSeenAHigherEpochIsNotTaken) {
  AgentDescription agent = DescriptionOf("k", Resources::Of(4, 4096));
  agent.epoch_seen = 2;

  EXPECT_THAT(driver_.Do(AgentRegister{2, agent}),
              ElementsAre(HasSubstr("close 2: FAILED_PRECONDITION")));
}

TEST_F(Agents, MessagesBeforeRegistrationEndTheStream) {
  EXPECT_THAT(driver_.Do(AgentHeartbeat{5}),
              ElementsAre(HasSubstr("close 5: FAILED_PRECONDITION")));
}

TEST_F(Agents, ASilentAgentBecomesUnreachableOnlyWhenItIsDurable) {
  RunATask();

  const auto before = driver_.Advance(absl::Seconds(16));
  EXPECT_THAT(before, Contains(HasSubstr("close 2: UNAVAILABLE")));
  EXPECT_THAT(before, Contains(HasSubstr("UNREACHABLE m-S0")));
  EXPECT_THAT(before, Not(Contains(HasSubstr("UPDATE"))));

  const auto after = driver_.CommitWrites();
  EXPECT_THAT(after, Contains(HasSubstr("UPDATE t TASK_UNREACHABLE REASON_AGENT_REMOVED")));
  EXPECT_THAT(after, Contains(HasSubstr("REMOVE_AGENT m-S0")));
  EXPECT_THAT(after, Contains("scheduler 1: FAILURE m-S0"));
}

TEST_F(Agents, HeartbeatsKeepAnAgent) {
  driver_.Register(2, "k", Resources::Of(4, 4096));
  for (int i = 0; i < 20; ++i) {
    driver_.Advance(absl::Seconds(3));
    driver_.Do(AgentHeartbeat{2});
  }

  EXPECT_EQ(StateOf("m-S0"), AgentState::kRegistered);
}

TEST_F(Agents, AnUnreachableAgentReturnsDurablyAndItsTasksAreAnnounced) {
  RunATask();
  driver_.Advance(absl::Seconds(16));
  driver_.CommitWrites();

  EXPECT_THAT(
      driver_.Do(Return(3, "m-S0",
                        {AReportedTask("t", "m-0000", v1::TASK_RUNNING, Resources::Of(1, 64))})),
      ElementsAre(HasSubstr("REACHABLE m-S0")));
  const auto lines = driver_.CommitWrites();

  EXPECT_THAT(lines, Contains("agent 3: REREGISTERED m-S0 epoch=1"));
  EXPECT_THAT(lines, Contains(HasSubstr("UPDATE t TASK_RUNNING REASON_AGENT_REREGISTERED")));
  EXPECT_THAT(lines, Contains(HasSubstr("ALLOCATE m-0000 * m-S0 cpus:1;mem:64")));
}

TEST_F(Agents, WhatEndedWhileItsAgentWasUnreachableIsToldByItsUpdateAlone) {
  RunATask();
  driver_.Advance(absl::Seconds(16));
  driver_.CommitWrites();
  driver_.Do(
      Return(3, "m-S0", {AReportedTask("t", "m-0000", v1::TASK_FINISHED, Resources::Of(1, 64))}));

  EXPECT_THAT(driver_.CommitWrites(), Not(Contains(HasSubstr("UPDATE t "))));
  EXPECT_THAT(driver_.Update(3, "m-0000", "t", v1::TASK_FINISHED, "u"),
              Contains("scheduler 1: UPDATE t TASK_FINISHED uuid=u"));
}

TEST_F(Agents, AnAgentThatReturnsWhileItIsBeingLostWaitsForTheRegistry) {
  RunATask();
  driver_.Advance(absl::Seconds(16));

  EXPECT_THAT(
      driver_.Do(Return(3, "m-S0",
                        {AReportedTask("t", "m-0000", v1::TASK_RUNNING, Resources::Of(1, 64))})),
      IsEmpty());
  const auto lines = driver_.CommitWrites();

  EXPECT_THAT(lines, Contains(HasSubstr("UPDATE t TASK_UNREACHABLE")));
  EXPECT_THAT(lines, Contains(HasSubstr("UPDATE t TASK_RUNNING REASON_AGENT_REREGISTERED")));
  EXPECT_EQ(StateOf("m-S0"), AgentState::kRegistered);
}

TEST_F(Agents, AnAgentThatReconnectsIsAskedForTasksItLacks) {
  RunATask();
  driver_.Do(AgentStreamClosed{2});

  const auto lines = driver_.Do(Return(3, "m-S0"));

  EXPECT_THAT(lines, Contains("agent 3: RECONCILE t"));
  EXPECT_THAT(lines, Not(Contains(HasSubstr("REACHABLE"))));
}

TEST_F(Agents, WhatChangedAboutOneThatReplacesItsSessionIsWrittenAndToldTheAllocator) {
  RunATask();
  const ReportedTask task = AReportedTask("t", "m-0000", v1::TASK_RUNNING, Resources::Of(1, 64));
  AgentReregister same = Return(3, "m-S0", {task});
  AgentReregister changed = Return(4, "m-S0", {task});
  auto info = std::make_shared<v1::AgentInfo>(*changed.agent.info);
  info->set_hostname("renamed");
  changed.agent.info = std::move(info);
  AgentReregister upgraded = changed;
  upgraded.stream = 5;
  upgraded.agent.version = "0.2";

  auto lines = driver_.Do(std::move(same));
  EXPECT_THAT(lines, Not(Contains(HasSubstr("UPDATE_AGENT"))));
  EXPECT_THAT(lines, Not(Contains(HasSubstr("AGENT m-S0 active"))));
  lines = driver_.Do(std::move(changed));
  EXPECT_THAT(lines, Contains(HasSubstr("UPDATE_AGENT")));
  EXPECT_THAT(lines, Contains(HasSubstr("AGENT m-S0 active")));
  EXPECT_EQ(driver_.books().agents.Find(AgentId("m-S0"))->record.info->hostname(), "renamed");
  driver_.CommitWrites();
  lines = driver_.Do(std::move(upgraded));
  EXPECT_THAT(lines, Contains(HasSubstr("UPDATE_AGENT")));
}

TEST_F(Agents, TasksOfARemovedFrameworkAreShutDownOnReturn) {
  RunATask();
  driver_.Do(AgentStreamClosed{2});
  driver_.Teardown("m-0000", 5);

  const auto lines = driver_.Do(
      Return(3, "m-S0", {AReportedTask("t", "m-0000", v1::TASK_RUNNING, Resources::Of(1, 64))}));

  EXPECT_THAT(lines, Contains("agent 3: SHUTDOWN_FRAMEWORK m-0000"));
  EXPECT_EQ(driver_.books().tasks.size(), 0u);
}

TEST_F(Agents, OneWithADomainNeedsAMasterWithOne) {
  AgentDescription remote = DescriptionOf("k2", Resources::Of(1, 64));
  auto info = std::make_shared<v1::AgentInfo>(*remote.info);
  info->mutable_domain()->mutable_fault_domain()->mutable_region()->set_name("eu");
  info->mutable_domain()->mutable_fault_domain()->mutable_zone()->set_name("a");
  remote.info = info;
  EXPECT_THAT(driver_.Do(AgentRegister{20, remote}),
              ElementsAre(HasSubstr("the agent is in domain eu/a, and this master has none")));

  MasterOptions options = TestOptions();
  options.domain = {"us", "b"};
  options.require_agent_domain = true;
  CoreDriver driver(options);
  driver.Lead();
  EXPECT_THAT(driver.ConnectAllocator(), Contains(HasSubstr("HELLO epoch=1 region=us")));
  EXPECT_THAT(driver.Do(AgentRegister{19, DescriptionOf("k1", Resources::Of(1, 64))}),
              ElementsAre(HasSubstr("the agent has no domain")));
  driver.Do(AgentRegister{20, remote});
  EXPECT_THAT(driver.CommitWrites(), Contains(HasSubstr("REGISTERED")));
}

TEST_F(Agents, WhoShrinksLosesTheOffersThatDoNotFitAndNoOthers) {
  driver_.ConnectAllocator();
  driver_.Subscribe(1);
  driver_.Register(2, "k", Resources::Of(4, 4096));
  const std::string agent = driver_.books().agents.FindByStream(2)->record.id.value();
  resources::Metadata revocable;
  revocable.revocable = true;
  Resources spare;
  spare.Add(resources::Resource(resources::ResourceName::Cpus(), resources::Scalar::FromUnits(2),
                                resources::MetadataRef(revocable)));
  driver_.Do(AgentTotalChanged{2, Resources::Of(4, 4096) + spare, ""});
  const std::string framework = driver_.books().frameworks.FindByStream(1)->record.id.value();
  driver_.Propose(1, framework, agent, Resources::Of(4, 4096));
  driver_.Propose(2, framework, agent, spare);

  const auto lines = driver_.Do(AgentTotalChanged{2, Resources::Of(4, 4096), ""});

  EXPECT_THAT(lines, Contains("scheduler 1: RESCIND #2"));
  EXPECT_THAT(lines, Not(Contains("scheduler 1: RESCIND #1")));
}

TEST_F(Agents, AnUnknownFrameworkOfAReturningAgentIsRecovered) {
  driver_.Do(Return(3, "stranger",
                    {AReportedTask("t", "other-0000", v1::TASK_RUNNING, Resources::Of(1, 64))}));
  driver_.CommitWrites();

  const Framework* framework = driver_.books().frameworks.Find(FrameworkId("other-0000"));
  ASSERT_NE(framework, nullptr);
  EXPECT_EQ(framework->record.state, FrameworkState::kRecovered);
  AFramework again;
  again.id = "other-0000";
  EXPECT_THAT(driver_.Subscribe(9, again), Contains("scheduler 9: SUBSCRIBED other-0000"));
}

TEST_F(Agents, ANewTotalThatDoesNotHoldWhatIsUsedIsRefused) {
  RunATask();

  EXPECT_THAT(driver_.Do(AgentTotalChanged{2, Resources::Of(0, 4096), "v"}),
              Contains(HasSubstr("close 2: INVALID_ARGUMENT")));
}

TEST_F(Agents, UnregisteringIsDurableFirst) {
  RunATask();
  EXPECT_THAT(driver_.Do(AgentUnregister{2, "bye"}), Contains(HasSubstr("REMOVE_AGENT m-S0")));

  const auto lines = driver_.CommitWrites();

  EXPECT_THAT(lines, Contains(HasSubstr("UPDATE t TASK_GONE REASON_AGENT_REMOVED")));
  EXPECT_THAT(lines, Contains("scheduler 1: FAILURE m-S0"));
  EXPECT_EQ(driver_.books().agents.size(), 0u);
}

TEST(AgentBounds, TheLongestUnreachableAgentIsForgottenFirst) {
  MasterOptions options = TestOptions();
  options.max_unreachable_agents = 2;
  CoreDriver driver(options);
  driver.Lead();
  std::vector<std::string> lines;
  for (int i = 0; i < 3; ++i) {
    driver.Register(10 + i, "k" + std::to_string(i), Resources::Of(1, 64));
    driver.Advance(absl::Seconds(16));
    lines = driver.CommitWrites();
  }

  EXPECT_THAT(lines, Contains(HasSubstr("REMOVE_AGENT m-S0")));
  EXPECT_EQ(driver.books().agents.Find(AgentId("m-S0")), nullptr);
  EXPECT_EQ(driver.books().agents.size(), 2u);
}

class AgentAge : public ::testing::Test {
 protected:
  AgentAge() : driver_(Options()) {
    driver_.Lead();
    driver_.ConnectAllocator();
    driver_.Subscribe(1);
    driver_.CommitWrites();
    driver_.Register(2, "k", Resources::Of(4, 4096));
    driver_.Propose(1, "m-0000", "m-S0", Resources::Of(4, 4096));
    driver_.Call(1, "m-0000", Accept{{driver_.Offer(1)}, {LaunchOperation{{Task()}}}, {}});
    driver_.Do(AgentStreamClosed{2});
    driver_.Advance(absl::Seconds(16));
    driver_.CommitWrites();
  }
  static MasterOptions Options() {
    MasterOptions options = TestOptions();
    options.max_unreachable_age = absl::Minutes(1);
    return options;
  }
  static TaskLaunch Task() { return ATask("t", "m-S0", Resources::Of(1, 64)); }
  bool IsKnown() const { return driver_.books().agents.Find(AgentId("m-S0")) != nullptr; }

  CoreDriver driver_;
};

TEST_F(AgentAge, OneThatWasUnreachableForTooLongIsForgottenWithItsTasks) {
  driver_.Advance(absl::Seconds(50));
  EXPECT_TRUE(IsKnown());

  const auto lines = driver_.Advance(absl::Seconds(11));

  EXPECT_THAT(lines, Contains(HasSubstr("REMOVE_AGENT m-S0")));
  EXPECT_FALSE(IsKnown());
  EXPECT_TRUE(driver_.books().frameworks.Find(FrameworkId("m-0000"))->unreachable.empty());
  EXPECT_THAT(driver_.Call(1, "m-0000", ReconcileCall{{{TaskId("t"), AgentId("m-S0")}}}),
              ElementsAre("scheduler 1: UPDATE t TASK_UNKNOWN REASON_RECONCILIATION"));
}

TEST_F(AgentAge, OneThatReturnedInTimeIsNot) {
  driver_.Do(Return(3, "m-S0"));
  driver_.CommitWrites();
  driver_.Do(AgentHeartbeat{3});
  for (int i = 0; i < 13; ++i) {
    driver_.Advance(absl::Seconds(5));
    driver_.Do(AgentHeartbeat{3});
  }

  EXPECT_TRUE(IsKnown());
  EXPECT_EQ(StateOf(driver_, "m-S0"), AgentState::kRegistered);
}

TEST_F(AgentAge, ANewLeaderForgetsThoseThatItFindsTooOld) {
  CoreDriver next(Options());
  RegistrySnapshot snapshot;
  RegistrySnapshot::AgentEntry& entry = snapshot.agents.emplace_back();
  entry.id = AgentId("m-S0");
  entry.registration_key = "k";
  entry.info = DescriptionOf("k", Resources::Of(4, 4096), "m-S0").info;
  entry.state = RegistrySnapshot::AgentEntry::State::kUnreachable;
  entry.unreachable_since = absl::UnixEpoch();

  next.Lead(2, snapshot);

  EXPECT_EQ(next.books().agents.size(), 0u);
}

TEST(AgentState, EveryTransitionOfTheTableIsReachedFromAdmission) {
  std::set<AgentState> reached = {AgentState::kAdmitting, AgentState::kRecovered};
  for (size_t i = 0; i < AgentTransitions().size(); ++i) {
    for (const AgentTransition& t : AgentTransitions()) {
      if (reached.contains(t.from)) reached.insert(t.to);
    }
  }
  for (const AgentTransition& t : AgentTransitions()) {
    EXPECT_TRUE(reached.contains(t.from)) << AgentStateName(t.from);
    EXPECT_NE(t.from, AgentState::kGone);  // never left
  }
  EXPECT_FALSE(MayFollow(AgentState::kUnreachable, AgentState::kRegistered));  // durable first
}

}  // namespace
}  // namespace meros::master::testing
