// What this agent does not run. A task that asks for something we do not do is refused with a
// reason: running it without what it asked for would be worse.
//
// Thread rule: pure functions; thread-safe.
#pragma once

#include <optional>
#include <string>

#include "meros/agent_link/v1/agent_link.pb.h"
#include "meros/v1/task.pb.h"

namespace meros::agent {

struct Refusal {
  v1::TaskState state = v1::TASK_ERROR;
  v1::TaskStatus::Reason reason = v1::TaskStatus::REASON_TASK_INVALID;
  std::string message;
};

// Why the tasks of `run` are refused altogether, if they are.
std::optional<Refusal> RefusalOf(const agent_link::v1::RunTasks& run);

// Why this task is refused, if it is.
std::optional<Refusal> RefusalOf(const v1::TaskInfo& task);

}  // namespace meros::agent
