// What the states of a task mean, for everybody who reads one: master, agent, SDK, tests.
//
// Source: Mesos' task state reference.
// Thread rule: pure functions and constants; thread-safe.
#pragma once

#include <algorithm>
#include <iterator>

#include "meros/v1/task.pb.h"

namespace meros::tasks {

// The states that a task never leaves; each once, in the order in which the schema explains them.
inline constexpr v1::TaskState kTerminalStates[] = {
    v1::TASK_FINISHED, v1::TASK_FAILED,  v1::TASK_KILLED, v1::TASK_ERROR,
    v1::TASK_LOST,     v1::TASK_DROPPED, v1::TASK_GONE,   v1::TASK_GONE_BY_OPERATOR};

constexpr bool IsTerminal(v1::TaskState state) {
  return std::find(std::begin(kTerminalStates), std::end(kTerminalStates), state) !=
         std::end(kTerminalStates);
}

}  // namespace meros::tasks
