// What a framework is told when a container has ended: task state, reason and a sentence.
//
//   it exited with 0                      TASK_FINISHED
//   it exited otherwise, or by a signal   TASK_FAILED   COMMAND_EXECUTOR_FAILED
//   it was stopped for its framework      TASK_KILLED
//   ... for its completion time           TASK_FAILED   MAX_COMPLETION_TIME_REACHED
//   ... because the agent is emptied      TASK_KILLED   AGENT_DRAINING
//   ... because another role is owed it   TASK_KILLED   CONTAINER_PREEMPTED
//   it hit its memory limit               TASK_FAILED   CONTAINER_LIMITATION_MEMORY
//   it hit another limit                  TASK_FAILED   CONTAINER_LIMITATION
//   it could not be started               TASK_FAILED   CONTAINER_LAUNCH_FAILED
//   it vanished                           TASK_FAILED   EXECUTOR_TERMINATED
//
// A task that ended by itself before the request to stop reached it is reported as it ended.
//
// Thread rule: pure functions; thread-safe.
#pragma once

#include <optional>
#include <string>

#include "meros/containerizer/v1/containerizer.pb.h"
#include "meros/v1/task.pb.h"
#include "services/agent/core/task.h"

namespace meros::agent {

struct Outcome {
  v1::TaskState state = v1::TASK_FAILED;
  std::optional<v1::TaskStatus::Reason> reason;
  std::string message;
  v1::TaskStatus::Source source = v1::TaskStatus::SOURCE_AGENT;
  std::optional<int> exit_code;
  std::optional<int> term_signal;
  uint64_t limited_memory_bytes = 0;  // with CONTAINER_LIMITATION_MEMORY
};

// How a task ended whose container is known to have ended.
Outcome OutcomeOf(const containerizer::v1::Termination& termination, StopCause cause);

// How a task ended that was stopped before it had a container.
Outcome OutcomeBeforeLaunch(StopCause cause);

// TASK_DROPPED, or TASK_LOST for frameworks that do not know the former.
v1::TaskState DroppedState(bool is_partition_aware);

}  // namespace meros::agent
