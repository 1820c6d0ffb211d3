// Goal: what a removed framework still runs is in use until its agent says that it has stopped, and
// nobody is offered it before (as Mesos did: MESOS-6608). Method: inputs in, effects out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/master/core/testing/driver.h"

namespace meros::master::testing {
namespace {

using resources::Resources;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const Resources kAll = Resources::Of(4, 4096);
const Resources kTask = Resources::Of(1, 64);

AgentReregister ReturnOf(StreamId stream, std::vector<ReportedTask> tasks = {}) {
  AgentReregister message;
  message.stream = stream;
  message.agent_id = AgentId("m-S0");
  message.agent = DescriptionOf("k", kAll, "m-S0");
  for (const ReportedTask& task : tasks) {
    AFramework framework;
    framework.id = task.framework_id.value();
    message.frameworks.push_back({task.framework_id, SubscriptionOf(framework)});
  }
  message.tasks = std::move(tasks);
  return message;
}

AgentReregister DigestOf(StreamId stream, v1::TaskState state) {
  AgentReregister message = ReturnOf(stream);
  message.digest.emplace().Add("m-0000", "t", state);
  return message;
}

// Task "t" of framework m-0000 ran on agent m-S0, whose session is stream 2, when the framework was
// removed.
class EndingTasks : public ::testing::Test {
 protected:
  EndingTasks() {
    driver_.Lead();
    driver_.ConnectAllocator();
    driver_.Subscribe(1);
    driver_.CommitWrites();
    driver_.Register(2, "k", kAll);
    driver_.Propose(1, "m-0000", "m-S0", kAll);
    driver_.Call(1, "m-0000",
                 Accept{{driver_.Offer(1)}, {LaunchOperation{{ATask("t", "m-S0", kTask)}}}, {}});
    driver_.Update(2, "m-0000", "t", v1::TASK_RUNNING, "u1");
  }
  std::vector<std::string> Teardown() { return driver_.Teardown("m-0000", 5); }
  const AgentRecord& Record() const { return driver_.books().agents.Find(AgentId("m-S0"))->record; }
  static std::string Told(const Resources& total) {
    return "AGENT m-S0 active " + total.DebugString();
  }

  CoreDriver driver_;
};

TEST_F(EndingTasks, AreInUseUntilTheyHaveStopped) {
  EXPECT_THAT(Teardown(), Contains(HasSubstr(Told(Resources::Of(3, 4032)))));
  EXPECT_EQ(driver_.books().tasks.size(), 0u);
  EXPECT_EQ(Record().used, kTask);

  const auto lines = driver_.Update(2, "m-0000", "t", v1::TASK_KILLED, "u2");

  EXPECT_THAT(lines, Contains(HasSubstr(Told(kAll))));
  EXPECT_THAT(lines, Contains("agent 2: SHUTDOWN_FRAMEWORK m-0000")) << "the agent may forget it";
  EXPECT_TRUE(Record().used.empty());
}

TEST_F(EndingTasks, AreNotOfferedToOthers) {
  Teardown();
  driver_.Subscribe(3);
  driver_.CommitWrites();

  driver_.Propose(2, "m-0001", "m-S0", kAll);
  EXPECT_EQ(driver_.books().offers.size(), 0u);
  driver_.Update(2, "m-0000", "t", v1::TASK_KILLED, "u2");
  driver_.Propose(3, "m-0001", "m-S0", kAll);

  EXPECT_EQ(driver_.books().offers.size(), 1u);
}

TEST_F(EndingTasks, AnAllocatorThatConnectsSeesSoMuchLess) {
  Teardown();

  EXPECT_THAT(driver_.ConnectAllocator(901), Contains(HasSubstr(Told(Resources::Of(3, 4032)))));
}

TEST_F(EndingTasks, AnAgentThatSaysTheSameIsToldAgain) {
  driver_.Do(AgentStreamClosed{2});
  Teardown();

  const auto lines = driver_.Do(DigestOf(3, v1::TASK_RUNNING));

  EXPECT_THAT(lines, Contains("agent 3: SHUTDOWN_FRAMEWORK m-0000"));
  EXPECT_THAT(lines, Not(Contains(HasSubstr("SEND_REPORT"))));
  EXPECT_EQ(Record().used, kTask);
}

TEST_F(EndingTasks, WhatAReportDoesNotNameHasStopped) {
  Teardown();
  driver_.Do(AgentStreamClosed{2});

  EXPECT_THAT(driver_.Do(ReturnOf(3)), Contains(HasSubstr(Told(kAll))));
  EXPECT_TRUE(Record().used.empty());
}

TEST_F(EndingTasks, ALeaderThatKnowsTheRemovalCountsWhatIsReported) {
  CoreDriver next;
  RegistrySnapshot snapshot;
  RegistrySnapshot::FrameworkEntry removed;
  removed.id = FrameworkId("m-0000");
  removed.removed = true;
  snapshot.frameworks.push_back(removed);
  next.Lead(2, snapshot);
  next.Do(ReturnOf(2, {AReportedTask("t", "m-0000", v1::TASK_RUNNING, kTask)}));

  const auto lines = next.CommitWrites();

  EXPECT_THAT(lines, Contains("agent 2: SHUTDOWN_FRAMEWORK m-0000"));
  EXPECT_EQ(next.books().frameworks.size(), 0u) << "it does not rise again";
  const Agent* agent = next.books().agents.Find(AgentId("m-S0"));
  EXPECT_EQ(agent->record.used, kTask);
  next.Update(2, "m-0000", "t", v1::TASK_FINISHED, "u2");
  EXPECT_TRUE(agent->record.used.empty());
}

TEST_F(EndingTasks, ALeaderThatDoesNotKnowTheRemovalCountsThemAsTasks) {
  CoreDriver next;
  next.Lead(2);
  next.Do(ReturnOf(2, {AReportedTask("t", "m-0000", v1::TASK_RUNNING, kTask)}));
  next.CommitWrites();
  const Agent* agent = next.books().agents.Find(AgentId("m-S0"));
  EXPECT_EQ(agent->record.used, kTask);

  next.Update(2, "m-0000", "t", v1::TASK_KILLED, "u2");

  EXPECT_TRUE(agent->record.used.empty());
}

TEST_F(EndingTasks, KeepAnAgentFromBeingDrained) {
  driver_.Do(OperatorAgentOrder{
      .call = 7, .agent_id = AgentId("m-S0"), .kind = OperatorAgentOrder::Kind::kDrain});
  driver_.CommitWrites();
  Teardown();
  driver_.CommitWrites();
  driver_.Advance(absl::Seconds(1));
  driver_.CommitWrites();
  EXPECT_EQ(Record().orders.drain, AgentOrders::Drain::kDraining);

  driver_.Update(2, "m-0000", "t", v1::TASK_KILLED, "u2");
  driver_.Advance(absl::Seconds(1));
  driver_.CommitWrites();

  EXPECT_EQ(Record().orders.drain, AgentOrders::Drain::kDrained);
}

TEST_F(EndingTasks, GoWithTheirAgent) {
  Teardown();
  driver_.Do(AgentStreamClosed{2});
  driver_.Advance(absl::Seconds(60));
  driver_.CommitWrites();

  EXPECT_EQ(Record().state, AgentState::kUnreachable);
  EXPECT_TRUE(Record().used.empty());
  EXPECT_THAT(driver_.books().agents.Find(AgentId("m-S0"))->ending, IsEmpty());
}

TEST_F(EndingTasks, UpdatesOfFrameworksOfWhichNothingIsKnownAreAnsweredTheSame) {
  const auto lines = driver_.Update(2, "long-gone", "x", v1::TASK_FINISHED, "u9");

  EXPECT_THAT(lines, Contains("agent 2: SHUTDOWN_FRAMEWORK long-gone"));
}

}  // namespace
}  // namespace meros::master::testing
