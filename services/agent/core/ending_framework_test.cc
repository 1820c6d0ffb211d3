// Goal: a framework that was removed uses its agents until its tasks have stopped, and every master
// can know that: also one that leads since then and has not heard of the removal. Method: inputs
// in, effects out, on the model of a node whose containers take their time to stop.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/agent/core/testing/node_model.h"

namespace meros::agent {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

// Task "t1" of framework F runs; its STARTING and RUNNING are acknowledged.
class EndingFramework : public testing::Test {
 protected:
  EndingFramework() : node_(1) {
    node_.acknowledges = true;
    node_.stops_containers = false;
    node_.StartAgent();
    node_.ConnectContainerizer();
    node_.ConnectMaster();
    node_.Run("t1");
  }
  void ShutDown() {
    agent_link::v1::MasterMessage message;
    message.mutable_shutdown_framework()->set_framework_id("F");
    node_.Say(std::move(message));
  }
  // Another master leads; what the agent says to it from now on is in node_.said.
  void FailOver() {
    node_.BreakMaster();
    node_.said.clear();
    node_.ConnectMaster();
  }
  std::vector<v1::TaskState> States(const std::string& task) {
    std::vector<v1::TaskState> states;
    for (const v1::TaskStatus& status : node_.seen[task].updates) states.push_back(status.state());
    return states;
  }
  // As the last full report has it.
  std::vector<std::string> Reported() const {
    std::vector<std::string> out;
    for (const agent_link::v1::AgentMessage& message : node_.said) {
      if (message.reregister().frameworks_size() == 0) continue;
      out.clear();
      for (const v1::Task& task : message.reregister().tasks()) {
        out.push_back(task.task_id().value() + " " + v1::TaskState_Name(task.state()));
      }
    }
    return out;
  }

  NodeModel node_;
};

TEST_F(EndingFramework, WhatStillRunsIsReportedToTheNextMaster) {
  ShutDown();

  FailOver();

  ASSERT_THAT(node_.said, Not(IsEmpty()));
  EXPECT_EQ(node_.said.front().reregister().digest().tasks(), 1u);
  EXPECT_THAT(Reported(), ElementsAre("t1 TASK_RUNNING"));
}

TEST_F(EndingFramework, WhatStillRunsIsReportedAfterARestartToo) {
  ShutDown();
  node_.CrashAgent();
  node_.said.clear();

  node_.StartAgent();
  node_.ConnectContainerizer();
  node_.ConnectMaster();

  EXPECT_THAT(Reported(), ElementsAre("t1 TASK_RUNNING"));
}

TEST_F(EndingFramework, AMasterThatKnowsNothingOfItHearsThatItHasStopped) {
  ShutDown();
  FailOver();

  node_.ExitContainer("t1", 0);

  EXPECT_THAT(States("t1"), ElementsAre(v1::TASK_STARTING, v1::TASK_RUNNING, v1::TASK_FINISHED));
  EXPECT_THAT(node_.core().book().tasks(), IsEmpty()) << "it was acknowledged";
  EXPECT_EQ(node_.disk.size(), 1u) << "only the identity is left";
}

TEST_F(EndingFramework, WhatWasNotAcknowledgedBeforeIsToldBeforeTheEnd) {
  node_.acknowledges = false;
  node_.Run("t2");
  ShutDown();
  FailOver();
  EXPECT_THAT(States("t2"), ElementsAre(v1::TASK_STARTING)) << "of before";
  node_.acknowledges = true;

  node_.ExitContainer("t2", 0);

  EXPECT_THAT(States("t2"), ElementsAre(v1::TASK_STARTING, v1::TASK_RUNNING, v1::TASK_FINISHED));
}

TEST_F(EndingFramework, OnTheWayNothingIsSentAgain) {
  node_.acknowledges = false;
  node_.Run("t2");
  ShutDown();
  node_.said.clear();

  node_.Advance(absl::Hours(1));

  for (const auto& message : node_.said) EXPECT_TRUE(message.has_heartbeat());
}

TEST_F(EndingFramework, WhatHasStoppedIsForgottenWhenTheOrderIsRepeated) {
  node_.acknowledges = false;
  ShutDown();
  node_.ExitContainer("t1", 0);
  EXPECT_EQ(node_.said.back().status_update().status().state(), v1::TASK_FINISHED);

  ShutDown();

  EXPECT_THAT(node_.core().book().tasks(), IsEmpty());
  EXPECT_EQ(node_.disk.size(), 1u) << "only the identity is left";
}

TEST_F(EndingFramework, LaunchesForItAreRefused) {
  ShutDown();
  FailOver();

  node_.Run("t2");

  EXPECT_THAT(States("t2"), ElementsAre(v1::TASK_DROPPED));
  EXPECT_EQ(node_.seen["t2"].updates.front().reason(), v1::TaskStatus::REASON_FRAMEWORK_REMOVED);
  EXPECT_EQ(node_.seen["t2"].launches, 0);
}

TEST_F(EndingFramework, AgainALaunchIsTakenWhenItsLastTaskIsForgotten) {
  ShutDown();
  node_.ExitContainer("t1", 0);
  FailOver();

  node_.Run("t2");

  EXPECT_THAT(States("t2"), ElementsAre(v1::TASK_STARTING, v1::TASK_RUNNING));
}

}  // namespace
}  // namespace meros::agent
