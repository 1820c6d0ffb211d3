// Tasks from launch to the history: updates, acknowledgements, kills, reconciliation.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/tasks/task_state.h"
#include "services/master/core/task_state.h"
#include "services/master/core/testing/driver.h"

namespace meros::master::testing {
namespace {

using resources::Resources;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// A framework on stream 1 with task "t" on an agent on stream 2.
class Tasks : public ::testing::Test {
 protected:
  explicit Tasks(bool partition_aware = true) {
    driver_.Lead();
    driver_.ConnectAllocator();
    AFramework framework;
    framework.partition_aware = partition_aware;
    driver_.Subscribe(1, framework);
    driver_.Register(2, "k", Resources::Of(4, 4096));
    driver_.Propose(1, "m-0000", "m-S0", Resources::Of(4, 4096));
    driver_.Call(1, "m-0000",
                 Accept{{driver_.Offer(1)},
                        {LaunchOperation{{ATask("t", "m-S0", Resources::Of(1, 64))}}},
                        absl::Seconds(5)});
  }

  std::vector<std::string> Update(v1::TaskState state, const std::string& uuid) {
    return driver_.Update(2, "m-0000", "t", state, uuid);
  }
  std::vector<std::string> Acknowledge(const std::string& uuid) {
    return driver_.Call(1, "m-0000", AcknowledgeCall{AgentId("m-S0"), TaskId("t"), uuid});
  }
  std::vector<std::string> Reconcile(const std::string& task, const std::string& agent = "") {
    return driver_.Call(1, "m-0000", ReconcileCall{{{TaskId(task), AgentId(agent)}}});
  }
  AgentReregister Return(StreamId stream, std::vector<ReportedTask> tasks) {
    AgentReregister message;
    message.stream = stream;
    message.agent_id = AgentId("m-S0");
    message.agent = DescriptionOf("k", Resources::Of(4, 4096), "m-S0");
    AFramework framework;
    framework.id = "m-0000";
    message.frameworks.push_back({FrameworkId("m-0000"), SubscriptionOf(framework)});
    message.tasks = std::move(tasks);
    return message;
  }

  CoreDriver driver_;
};

class TasksOfOldFrameworks : public Tasks {
 protected:
  TasksOfOldFrameworks() : Tasks(/*partition_aware=*/false) {}
};

TEST_F(Tasks, UpdatesAreForwardedAndAcknowledged) {
  EXPECT_THAT(Update(v1::TASK_RUNNING, "u1"),
              ElementsAre("scheduler 1: UPDATE t TASK_RUNNING uuid=u1"));
  EXPECT_THAT(Acknowledge("u1"), ElementsAre("agent 2: ACKNOWLEDGE t uuid=u1"));
}

TEST_F(Tasks, ATerminalUpdateFreesResourcesBeforeItIsAcknowledged) {
  const auto lines = Update(v1::TASK_FINISHED, "u1");

  EXPECT_THAT(lines, ElementsAre("scheduler 1: UPDATE t TASK_FINISHED uuid=u1",
                                 HasSubstr("RECOVER m-0000 * m-S0 cpus:1;mem:64 refuse=0")));
  EXPECT_EQ(driver_.books().tasks.size(), 1u);
  Acknowledge("u1");
  EXPECT_EQ(driver_.books().tasks.size(), 0u);
}

TEST_F(Tasks, AnEndedTaskDoesNotComeBackToLife) {
  Update(v1::TASK_FINISHED, "u1");

  Update(v1::TASK_RUNNING, "u0");

  EXPECT_EQ(driver_.books().tasks.all().begin()->second->state, v1::TASK_FINISHED);
}

TEST_F(Tasks, TheAgentsNewestStateRunsAhead) {
  auto status = std::make_shared<v1::TaskStatus>();
  status->mutable_task_id()->set_value("t");
  status->set_state(v1::TASK_RUNNING);
  status->set_uuid("u1");

  const auto lines =
      driver_.Do(AgentStatusUpdate{2, FrameworkId("m-0000"), TaskId("t"), status, v1::TASK_FAILED});

  EXPECT_THAT(lines, Contains(HasSubstr("UPDATE t TASK_RUNNING")));
  EXPECT_THAT(lines, Contains(HasSubstr("RECOVER")));
}

TEST_F(Tasks, AnEndSentAheadFreesTheResourcesAndIsNotForwarded) {
  Update(v1::TASK_RUNNING, "u1");
  auto status = std::make_shared<v1::TaskStatus>();
  status->mutable_task_id()->set_value("t");
  status->set_state(v1::TASK_KILLED);
  status->set_uuid("u2");

  const auto ahead = driver_.Do(
      AgentStatusUpdate{2, FrameworkId("m-0000"), TaskId("t"), status, v1::TASK_KILLED, true});
  Acknowledge("u1");
  const auto in_turn =
      driver_.Do(AgentStatusUpdate{2, FrameworkId("m-0000"), TaskId("t"), status, v1::TASK_KILLED});

  EXPECT_THAT(ahead, Contains(HasSubstr("RECOVER")));
  EXPECT_THAT(ahead, Not(Contains(HasSubstr("UPDATE t"))));
  EXPECT_EQ(driver_.books().tasks.all().begin()->second->state, v1::TASK_KILLED);
  EXPECT_THAT(in_turn, ElementsAre(HasSubstr("UPDATE t TASK_KILLED")));
}

TEST_F(Tasks, AcknowledgementsThatFitNothingAreRefused) {
  EXPECT_THAT(driver_.Call(0, "m-0000", AcknowledgeCall{AgentId("m-S0"), TaskId("t"), "u"}, 5),
              ElementsAre(HasSubstr("reply 5: FAILED_PRECONDITION")));
  EXPECT_THAT(driver_.Call(0, "m-0000", AcknowledgeCall{AgentId("nobody"), TaskId("t"), "u"}, 6),
              ElementsAre(HasSubstr("reply 6: NOT_FOUND")));
}

TEST_F(Tasks, UpdatesOfADisconnectedFrameworkWait) {
  driver_.Do(SchedulerStreamClosed{1});

  EXPECT_THAT(Update(v1::TASK_RUNNING, "u1"), IsEmpty());
  EXPECT_EQ(driver_.books().tasks.all().begin()->second->state, v1::TASK_RUNNING);
}

TEST_F(Tasks, KillReachesTheAgentAndIsRepeatedWhenItReturns) {
  auto policy = std::make_shared<v1::KillPolicy>();
  EXPECT_THAT(driver_.Call(1, "m-0000", Kill{TaskId("t"), AgentId(), policy}),
              ElementsAre("agent 2: KILL t +policy"));
  driver_.Do(AgentStreamClosed{2});

  const auto lines =
      driver_.Do(Return(3, {AReportedTask("t", "m-0000", v1::TASK_RUNNING, Resources::Of(1, 64))}));

  EXPECT_THAT(lines, Contains("agent 3: KILL t +policy"));
}

TEST_F(Tasks, KillOfAnUnknownTaskIsReconciled) {
  EXPECT_THAT(driver_.Call(1, "m-0000", Kill{TaskId("ghost"), AgentId(), nullptr}),
              ElementsAre("scheduler 1: UPDATE ghost TASK_UNKNOWN REASON_RECONCILIATION"));
}

TEST_F(Tasks, ReconciliationAnswersByTheTable) {
  Update(v1::TASK_RUNNING, "u1");

  EXPECT_THAT(Reconcile("t"),
              ElementsAre("scheduler 1: UPDATE t TASK_RUNNING REASON_RECONCILIATION"));
  EXPECT_THAT(Reconcile("x", "m-S0"), ElementsAre(HasSubstr("x TASK_GONE")));
  EXPECT_THAT(Reconcile("x"), ElementsAre(HasSubstr("x TASK_UNKNOWN")));
  EXPECT_THAT(Reconcile("x", "nobody"), ElementsAre(HasSubstr("x TASK_UNKNOWN")));
  EXPECT_THAT(driver_.Call(1, "m-0000", ReconcileCall{}),
              ElementsAre("scheduler 1: UPDATE t TASK_RUNNING REASON_RECONCILIATION"));
}

// The answer has no uuid and no details; the update that the agent is about to send has both.
TEST_F(Tasks, ReconciliationLeavesAnEndToTheUpdateThatTellsIt) {
  Update(v1::TASK_FINISHED, "u1");
  EXPECT_THAT(Reconcile("t"),
              ElementsAre(HasSubstr("UPDATE t TASK_FINISHED REASON_RECONCILIATION")))
      << "told, and not yet acknowledged";
  driver_.Do(SchedulerStreamClosed{1});
  AFramework framework;
  framework.id = "m-0000";
  framework.partition_aware = true;

  EXPECT_THAT(driver_.Subscribe(1, framework), Contains("agent 2: UPDATE_FRAMEWORK m-0000 again"));
  EXPECT_THAT(Reconcile("t"), IsEmpty());
  EXPECT_THAT(driver_.Call(1, "m-0000", ReconcileCall{}), IsEmpty());

  EXPECT_THAT(Update(v1::TASK_FINISHED, "u1"),
              ElementsAre("scheduler 1: UPDATE t TASK_FINISHED uuid=u1"));
  EXPECT_THAT(Reconcile("t"),
              ElementsAre("scheduler 1: UPDATE t TASK_FINISHED REASON_RECONCILIATION"));
}

TEST_F(Tasks, AnEndThatAnAgentReportsIsToldByItsUpdateAlone) {
  driver_.Do(AgentStreamClosed{2});
  driver_.Do(Return(3, {AReportedTask("t", "m-0000", v1::TASK_FINISHED, Resources::Of(1, 64))}));

  EXPECT_THAT(Reconcile("t"), IsEmpty());
  EXPECT_THAT(driver_.Update(3, "m-0000", "t", v1::TASK_RUNNING, "u1"),
              ElementsAre(HasSubstr("UPDATE t TASK_RUNNING uuid=u1")));
  EXPECT_THAT(Reconcile("t"),
              ElementsAre("scheduler 1: UPDATE t TASK_RUNNING REASON_RECONCILIATION"));
  driver_.Update(3, "m-0000", "t", v1::TASK_FINISHED, "u2");
  EXPECT_THAT(Reconcile("t"),
              ElementsAre("scheduler 1: UPDATE t TASK_FINISHED REASON_RECONCILIATION"));
}

TEST_F(Tasks, AnEndThatWasSentAheadIsToldInItsTurn) {
  AFramework framework;
  framework.id = "m-0000";
  driver_.Do(SchedulerStreamClosed{1});
  Update(v1::TASK_RUNNING, "u1");  // nobody hears it
  driver_.Subscribe(1, framework);
  auto status = std::make_shared<v1::TaskStatus>();
  status->mutable_task_id()->set_value("t");
  status->set_state(v1::TASK_KILLED);
  status->set_uuid("u2");
  driver_.Do(
      AgentStatusUpdate{2, FrameworkId("m-0000"), TaskId("t"), status, v1::TASK_KILLED, true});

  EXPECT_THAT(Reconcile("t"), IsEmpty());
}

// Who has only heard that it runs would believe so for ever: the agent may not return.
class DueEnd : public Tasks {
 protected:
  DueEnd() {
    Update(v1::TASK_RUNNING, "u1");
    auto status = std::make_shared<v1::TaskStatus>();
    status->mutable_task_id()->set_value("t");
    status->set_state(v1::TASK_KILLED);
    status->set_reason(v1::TaskStatus::REASON_CONTAINER_LIMITATION_MEMORY);
    status->set_uuid("u2");
    driver_.Do(
        AgentStatusUpdate{2, FrameworkId("m-0000"), TaskId("t"), status, v1::TASK_KILLED, true});
  }
};

TEST_F(DueEnd, IsUnreachableWithItsAgent) {
  driver_.Do(AgentStreamClosed{2});
  driver_.Advance(absl::Seconds(16));

  EXPECT_THAT(driver_.CommitWrites(),
              Contains("scheduler 1: UPDATE t TASK_UNREACHABLE REASON_AGENT_REMOVED "
                       "+unreachable_time \"the agent is away\""));
  EXPECT_EQ(driver_.books().tasks.size(), 0u);
}

TEST_F(DueEnd, IsToldWhenTheAgentLeavesForGood) {
  driver_.Do(AgentUnregister{2, "upgrade"});

  EXPECT_THAT(driver_.CommitWrites(),
              Contains("scheduler 1: UPDATE t TASK_KILLED REASON_CONTAINER_LIMITATION_MEMORY "
                       "uuid=u2"));
  EXPECT_EQ(driver_.books().tasks.size(), 0u);
}

TEST_F(Tasks, AnEndThatWasToldIsNotToldAgainWhenTheAgentIsLost) {
  Update(v1::TASK_FINISHED, "u1");
  driver_.Do(AgentStreamClosed{2});
  driver_.Advance(absl::Seconds(16));

  EXPECT_THAT(driver_.CommitWrites(), Not(Contains(HasSubstr("UPDATE t"))));
}

TEST_F(Tasks, TheIdOfAnUnreachableTaskIsInUse) {
  driver_.Do(AgentStreamClosed{2});
  driver_.Advance(absl::Seconds(16));
  driver_.CommitWrites();
  ASSERT_EQ(driver_.books().tasks.size(), 0u);
  driver_.Register(3, "l", Resources::Of(4, 4096));
  driver_.Propose(2, "m-0000", "m-S1", Resources::Of(1, 64));

  EXPECT_THAT(driver_.Call(1, "m-0000",
                           Accept{{driver_.Offer(2)},
                                  {LaunchOperation{{ATask("t", "m-S1", Resources::Of(1, 64))}}},
                                  absl::Seconds(5)}),
              Contains(HasSubstr("TASK_ERROR REASON_TASK_INVALID \"task id t is already in use")));
}

TEST_F(Tasks, ReconciliationKnowsUnreachableAgents) {
  driver_.Do(AgentStreamClosed{2});
  driver_.Advance(absl::Seconds(16));
  EXPECT_THAT(Reconcile("x", "m-S0"), IsEmpty());  // not durable yet: no answer
  driver_.CommitWrites();

  EXPECT_THAT(
      Reconcile("t"),
      ElementsAre(
          "scheduler 1: UPDATE t TASK_UNREACHABLE REASON_RECONCILIATION +unreachable_time"));
}

TEST_F(TasksOfOldFrameworks, SeeOnlyLost) {
  EXPECT_THAT(Reconcile("x", "m-S0"), ElementsAre(HasSubstr("x TASK_LOST")));
  driver_.Do(AgentStreamClosed{2});
  driver_.Advance(absl::Seconds(16));

  EXPECT_THAT(driver_.CommitWrites(),
              Contains("scheduler 1: UPDATE t TASK_LOST REASON_AGENT_REMOVED +unreachable_time "
                       "\"the agent is away\""));
}

TEST_F(Tasks, TeardownEndsEverything) {
  const auto lines = driver_.Teardown("m-0000", 9);

  EXPECT_THAT(lines, Contains("agent 2: SHUTDOWN_FRAMEWORK m-0000"));
  EXPECT_THAT(lines, Contains(HasSubstr("ERROR \"Framework has been removed\"")));
  EXPECT_THAT(lines, Contains(HasSubstr("REMOVE_FRAMEWORK m-0000")));
  EXPECT_THAT(lines, Contains("reply 9: OK"));
  EXPECT_EQ(driver_.books().tasks.size(), 0u);
  AFramework again;
  again.id = "m-0000";
  EXPECT_THAT(driver_.Subscribe(8, again),
              ElementsAre("scheduler 8: ERROR \"Framework has been removed\"",
                          HasSubstr("close 8: FAILED_PRECONDITION")));
}

TEST_F(Tasks, OperatorsKillAndTearDown) {
  EXPECT_THAT(driver_.Do(OperatorKillTask{3, "", FrameworkId(), TaskId("t"), nullptr}),
              ElementsAre("agent 2: KILL t", "reply 3: OK"));
  EXPECT_THAT(driver_.Do(OperatorKillTask{4, "", FrameworkId(), TaskId("ghost"), nullptr}),
              ElementsAre(HasSubstr("reply 4: NOT_FOUND")));
  EXPECT_THAT(driver_.Do(OperatorTeardown{5, "r", FrameworkId("ghost")}),
              ElementsAre(HasSubstr("reply 5: NOT_FOUND")));
}

TEST_F(Tasks, HistoryIsBounded) {
  MasterOptions options = TestOptions();
  options.max_completed_tasks_per_framework = 2;
  CoreDriver driver(options);
  driver.Lead();
  driver.ConnectAllocator();
  driver.Subscribe(1);
  driver.Register(2, "k", Resources::Of(4, 4096));
  for (int i = 0; i < 5; ++i) {
    const std::string id = "t" + std::to_string(i);
    driver.Propose(i + 1, "m-0000", "m-S0", Resources::Of(1, 64));
    driver.Call(1, "m-0000",
                Accept{{driver.Offer(i + 1)},
                       {LaunchOperation{{ATask(id, "m-S0", Resources::Of(1, 64))}}},
                       absl::Seconds(0)});
    driver.Update(2, "m-0000", id, v1::TASK_FINISHED, "u");
    driver.Call(1, "m-0000", AcknowledgeCall{AgentId("m-S0"), TaskId(id), "u"});
  }

  EXPECT_EQ(driver.books().frameworks.Find(FrameworkId("m-0000"))->completed.size(), 2u);
}

// Readers who keep tasks only are told of each of them.
TEST_F(Tasks, HistoryIsForgottenWithItsFramework) {
  MasterOptions options = TestOptions();
  options.max_completed_frameworks = 0;
  CoreDriver driver(options);
  driver.Lead();
  driver.ConnectAllocator();
  driver.Subscribe(1);
  driver.Register(2, "k", Resources::Of(4, 4096));
  driver.Propose(1, "m-0000", "m-S0", Resources::Of(1, 64));
  driver.Call(1, "m-0000",
              Accept{{driver.Offer(1)},
                     {LaunchOperation{{ATask("t", "m-S0", Resources::Of(1, 64))}}},
                     absl::Seconds(0)});
  driver.ForgetEffects();

  driver.Teardown("m-0000", 9);

  std::vector<std::string> forgotten;
  for (const Effect& effect : driver.effects()) {
    const auto* publish = std::get_if<Publish>(&effect);
    if (publish == nullptr) continue;
    if (const auto* task = std::get_if<TaskRemoved>(&publish->change)) {
      forgotten.push_back(task->task_id.value());
    } else if (const auto* framework = std::get_if<FrameworkRemoved>(&publish->change)) {
      forgotten.push_back(framework->id.value());
    }
  }
  EXPECT_THAT(forgotten, ElementsAre("t", "m-0000"));
}

TEST(TaskState, TableAgreesWithThePicture) {
  for (const TaskTransition& t : TaskTransitions()) EXPECT_TRUE(MayFollow(t.from, t.to));
  EXPECT_FALSE(MayFollow(v1::TASK_RUNNING, v1::TASK_STARTING));
  EXPECT_FALSE(MayFollow(v1::TASK_KILLING, v1::TASK_RUNNING));
  for (int state = v1::TaskState_MIN; state <= v1::TaskState_MAX; ++state) {
    if (!v1::TaskState_IsValid(state) || !tasks::IsTerminal(static_cast<v1::TaskState>(state)))
      continue;
    for (int to = v1::TaskState_MIN; to <= v1::TaskState_MAX; ++to) {
      EXPECT_FALSE(MayFollow(static_cast<v1::TaskState>(state), static_cast<v1::TaskState>(to)));
    }
  }
  EXPECT_EQ(VisibleState(v1::TASK_GONE, false), v1::TASK_LOST);
  EXPECT_EQ(VisibleState(v1::TASK_GONE, true), v1::TASK_GONE);
}

}  // namespace
}  // namespace meros::master::testing
