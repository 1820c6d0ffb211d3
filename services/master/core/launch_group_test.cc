// LAUNCH_GROUP: all tasks of a group are launched, with their executor, or none, and each is told
// why.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "services/master/core/launch.h"
#include "services/master/core/testing/driver.h"

namespace meros::master::testing {
namespace {

using resources::Resources;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// Framework m-0000 on stream 1 is offered all of agent m-S0, 4 cpus and 4096 MB, on stream 2.
class LaunchGroupTest : public ::testing::Test {
 protected:
  LaunchGroupTest() {
    driver_.Lead();
    driver_.ConnectAllocator();
    driver_.Subscribe(1);
    driver_.Register(2, "k", Resources::Of(4, 4096));
    driver_.CommitWrites();
    Offer();
  }

  void Offer() {
    driver_.Propose(++offer_, "m-0000", "m-S0",
                    driver_.books().agents.Find(AgentId("m-S0"))->record.Free());
  }
  // A task of executor "e", which takes 1 cpu and 64 MB itself.
  static TaskLaunch Member(const std::string& id, int64_t cpus = 1) {
    TaskLaunch task = ATask(id, "m-S0", Resources::Of(cpus, 64));
    task.executor_id = ExecutorId("e");
    task.executor_resources = Resources::Of(1, 64);
    task.info->mutable_executor()->mutable_executor_id()->set_value("e");
    return task;
  }
  std::vector<std::string> Launch(std::vector<TaskLaunch> tasks, const std::string& id = "") {
    return driver_.Call(1, "m-0000",
                        Accept{{driver_.Offer(offer_)},
                               {LaunchGroupOperation{std::move(tasks), id}},
                               absl::ZeroDuration()});
  }
  const Agent& agent() { return *driver_.books().agents.Find(AgentId("m-S0")); }

  CoreDriver driver_;
  uint64_t offer_ = 0;
};

TEST_F(LaunchGroupTest, AllTasksGoToTheAgentInOneOrderWithTheirExecutor) {
  EXPECT_THAT(Launch({Member("a"), Member("b")}),
              Contains("agent 2: RUN_GROUP role=* with executor e a b"));

  EXPECT_EQ(agent().tasks.size(), 2u);
  EXPECT_EQ(agent().record.used, Resources::Of(3, 192)) << "the executor counts once";
}

TEST_F(LaunchGroupTest, AFurtherGroupJoinsTheExecutorThatRuns) {
  Launch({Member("a")});
  Offer();

  EXPECT_THAT(Launch({Member("b"), Member("c")}),
              Contains("agent 2: RUN_GROUP role=* in executor e b c"));
  EXPECT_EQ(agent().record.used, Resources::Of(4, 256));
}

TEST_F(LaunchGroupTest, TasksOfOneExecutorAllHaveCgroupsOfTheirOwnOrNone) {
  const auto with_own = [](const std::string& id) {
    TaskLaunch task = Member(id);
    task.info->mutable_container()->mutable_linux_info()->set_share_cgroups(false);
    return task;
  };
  Launch({Member("a")});
  Offer();
  EXPECT_THAT(Launch({with_own("b")}),
              Contains(HasSubstr("same share_cgroups as task a, which runs in executor e")));
  Offer();
  EXPECT_THAT(Launch({Member("c")}), Contains(HasSubstr("RUN_GROUP")));

  driver_.Update(2, "m-0000", "a", v1::TASK_FINISHED, "u1");
  driver_.Update(2, "m-0000", "c", v1::TASK_FINISHED, "u2");
  Offer();
  EXPECT_THAT(Launch({with_own("d")}), Contains(HasSubstr("RUN_GROUP"))) << "nobody is left in it";
  Offer();
  EXPECT_THAT(Launch({Member("e")}), Contains(HasSubstr("same share_cgroups as task d")));
}

TEST_F(LaunchGroupTest, AllAreToldWhyNoneIsLaunched) {
  struct Row {
    const char* fault;
    std::function<void(std::vector<TaskLaunch>*)> spoil;
  };
  const Row rows[] = {
      {"is already in use", [](auto* tasks) { tasks->back() = Member("old"); }},
      {"is twice in the group", [](auto* tasks) { tasks->back() = Member("a"); }},
      {"task.agent_id is m-S9", [](auto* tasks) { tasks->back().agent_id = AgentId("m-S9"); }},
      {"are allocated to role eng", [](auto* tasks) { tasks->back().allocation_role = "eng"; }},
      {"group needs", [](auto* tasks) { tasks->back() = Member("b", 3); }},
      {"runs with another description",
       [](auto* tasks) { tasks->front().info->mutable_executor()->set_name("other"); }},
      {"cannot limit tasks",
       [this](auto* tasks) {
         driver_.books().agents.Find(AgentId("m-S0"))->record.capabilities.Remove(
             v1::AgentInfo::Capability::TASK_RESOURCE_LIMITS);
         (*tasks->back().info->mutable_limits())["cpus"].set_value(2);
       }},
      {"launch_group.executor.type",
       [](auto* tasks) {
         tasks->front().fault = absl::InvalidArgumentError("launch_group.executor.type: must be");
       }},
  };
  Launch({Member("old")});
  for (const Row& row : rows) {
    SCOPED_TRACE(row.fault);
    std::vector<TaskLaunch> tasks = {Member("a"), Member("b")};
    row.spoil(&tasks);
    const std::string last = tasks.back().id.value();
    Offer();

    const auto lines = Launch(std::move(tasks));

    EXPECT_THAT(lines, Contains(HasSubstr("UPDATE a TASK_ERROR REASON_TASK_GROUP_INVALID")));
    EXPECT_THAT(lines, Contains(HasSubstr("UPDATE " + last + " TASK_ERROR")));
    EXPECT_THAT(lines, Contains(HasSubstr(row.fault)));
    EXPECT_THAT(lines, Not(Contains(HasSubstr("RUN_GROUP"))));
    EXPECT_EQ(agent().tasks.size(), 1u);
  }
}

TEST_F(LaunchGroupTest, TheOperationMayHaveNoId) {
  EXPECT_THAT(Launch({Member("a")}, "op"),
              Contains(HasSubstr("UPDATE a TASK_ERROR REASON_TASK_GROUP_INVALID")));
}

TEST_F(LaunchGroupTest, AnInvalidOfferDropsAllTasks) {
  const OfferId offer = driver_.Offer(offer_);
  driver_.Call(1, "m-0000", Decline{{offer}, absl::ZeroDuration()});

  const auto lines = driver_.Call(
      1, "m-0000",
      Accept{{offer}, {LaunchGroupOperation{{Member("a"), Member("b")}}}, absl::ZeroDuration()});

  EXPECT_THAT(lines, Contains(HasSubstr("UPDATE a TASK_DROPPED REASON_INVALID_OFFERS")));
  EXPECT_THAT(lines, Contains(HasSubstr("UPDATE b TASK_DROPPED REASON_INVALID_OFFERS")));
}

TEST_F(LaunchGroupTest, AnAgentThatRunsOnlyTheExecutorHearsOfTheFramework) {
  Launch({Member("a")});
  driver_.Update(2, "m-0000", "a", v1::TASK_FINISHED, "u");
  driver_.Call(1, "m-0000", AcknowledgeCall{AgentId("m-S0"), TaskId("a"), "u"});
  ASSERT_TRUE(agent().tasks.empty() && agent().executors.size() == 1);
  AFramework framework;
  framework.id = "m-0000";

  EXPECT_THAT(driver_.Subscribe(3, framework), Contains("agent 2: UPDATE_FRAMEWORK m-0000 again"));
}

// An agent that could not start the executor says that it ended.
TEST_F(LaunchGroupTest, WhatTheExecutorHeldIsFreeWhenItDidNotStart) {
  Launch({Member("a")});
  driver_.Update(2, "m-0000", "a", v1::TASK_ERROR, "u");

  driver_.Do(AgentExecutorExited{2, FrameworkId("m-0000"), ExecutorId("e"), -1});

  EXPECT_TRUE(agent().record.used.empty());
}

}  // namespace
}  // namespace meros::master::testing
