#include "services/master/core/task_statuses.h"

#include <gtest/gtest.h>

namespace meros::master {
namespace {

v1::TaskStatus AStatus(v1::TaskState state, const std::string& message) {
  v1::TaskStatus status;
  status.mutable_task_id()->set_value("t");
  status.set_state(state);
  status.set_data("for the framework alone");
  status.set_message(message);
  status.mutable_agent_id()->set_value("a");
  status.mutable_executor_id()->set_value("e");
  status.set_healthy(true);
  status.mutable_container_status()->set_executor_pid(4711);
  return status;
}

v1::Task Unpacked(const TaskStatuses& statuses) {
  v1::Task task;
  EXPECT_TRUE(task.ParsePartialFromString(statuses.packed()));
  return task;
}

TEST(TaskStatuses, BeginEmpty) {
  const TaskStatuses statuses;

  EXPECT_TRUE(statuses.empty());
  EXPECT_FALSE(statuses.Newest().has_value());
  EXPECT_EQ(Unpacked(statuses).statuses_size(), 0);
  EXPECT_EQ(sizeof(TaskStatuses), 16u);
}

TEST(TaskStatuses, KeepAllButIdsAndData) {
  TaskStatuses statuses;

  statuses.Add(AStatus(v1::TASK_RUNNING, "up"));

  v1::TaskStatus kept = *statuses.Newest();
  EXPECT_FALSE(kept.has_task_id() || kept.has_agent_id() || kept.has_executor_id());
  EXPECT_FALSE(kept.has_data());
  EXPECT_EQ(kept.state(), v1::TASK_RUNNING);
  EXPECT_EQ(kept.message(), "up");
  EXPECT_TRUE(kept.healthy());
  EXPECT_EQ(kept.container_status().executor_pid(), 4711u);
}

TEST(TaskStatuses, HoldOneOfEachRunOfAState) {
  TaskStatuses statuses;
  const std::string long_text(1000, 'x');  // lengths of more than one byte

  statuses.Add(AStatus(v1::TASK_STARTING, long_text));
  statuses.Add(AStatus(v1::TASK_RUNNING, "first"));
  statuses.Add(AStatus(v1::TASK_RUNNING, long_text));
  statuses.Add(AStatus(v1::TASK_RUNNING, "third"));
  statuses.Add(AStatus(v1::TASK_UNREACHABLE, ""));
  statuses.Add(AStatus(v1::TASK_RUNNING, "back"));

  const v1::Task task = Unpacked(statuses);
  ASSERT_EQ(task.statuses_size(), 4);
  EXPECT_EQ(task.statuses(0).message(), long_text);
  EXPECT_EQ(task.statuses(1).message(), "third");
  EXPECT_EQ(task.statuses(2).state(), v1::TASK_UNREACHABLE);
  EXPECT_EQ(task.statuses(3).message(), "back");
  EXPECT_EQ(statuses.Newest()->message(), "back");
}

TEST(TaskStatuses, CopiesDoNotSeeWhatIsAddedLater) {
  TaskStatuses statuses;
  statuses.Add(AStatus(v1::TASK_STARTING, "one"));
  const TaskStatuses copy = statuses;

  statuses.Add(AStatus(v1::TASK_RUNNING, "two"));

  EXPECT_EQ(Unpacked(copy).statuses_size(), 1);
  EXPECT_EQ(Unpacked(statuses).statuses_size(), 2);
}

}  // namespace
}  // namespace meros::master
