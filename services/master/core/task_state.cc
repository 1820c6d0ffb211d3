#include "services/master/core/task_state.h"

#include <vector>

#include "libs/tasks/task_state.h"

namespace meros::master {
namespace {

using v1::TaskState;

std::vector<TaskTransition> MakeTable() {
  std::vector<TaskTransition> table = {
      {v1::TASK_STAGING, v1::TASK_STARTING},     {v1::TASK_STAGING, v1::TASK_RUNNING},
      {v1::TASK_STAGING, v1::TASK_KILLING},      {v1::TASK_STARTING, v1::TASK_RUNNING},
      {v1::TASK_STARTING, v1::TASK_KILLING},     {v1::TASK_RUNNING, v1::TASK_RUNNING},
      {v1::TASK_RUNNING, v1::TASK_KILLING},      {v1::TASK_UNREACHABLE, v1::TASK_STAGING},
      {v1::TASK_UNREACHABLE, v1::TASK_STARTING}, {v1::TASK_UNREACHABLE, v1::TASK_RUNNING},
      {v1::TASK_UNREACHABLE, v1::TASK_KILLING}};
  for (TaskState from : {v1::TASK_STAGING, v1::TASK_STARTING, v1::TASK_RUNNING, v1::TASK_KILLING}) {
    table.push_back({from, v1::TASK_UNREACHABLE});
    for (TaskState to : tasks::kTerminalStates) table.push_back({from, to});
  }
  for (TaskState to : tasks::kTerminalStates) table.push_back({v1::TASK_UNREACHABLE, to});
  return table;
}

const std::vector<TaskTransition>& Table() {
  static const auto* table = new std::vector<TaskTransition>(MakeTable());
  return *table;
}

// The table as a matrix, because every status update asks it.
struct Matrix {
  bool allowed[16][16] = {};
  Matrix() {
    for (const TaskTransition& t : Table()) allowed[t.from & 15][t.to & 15] = true;
  }
};

}  // namespace

absl::Span<const TaskTransition> TaskTransitions() { return Table(); }

bool MayFollow(TaskState from, TaskState to) {
  static const Matrix matrix;
  return matrix.allowed[from & 15][to & 15];
}

TaskState VisibleState(TaskState state, bool partition_aware) {
  if (partition_aware) return state;
  switch (state) {
    case v1::TASK_UNREACHABLE:
    case v1::TASK_DROPPED:
    case v1::TASK_GONE:
    case v1::TASK_GONE_BY_OPERATOR:
    case v1::TASK_UNKNOWN:
      return v1::TASK_LOST;
    default:
      return state;
  }
}

}  // namespace meros::master
