#include "services/agent/core/outcome.h"

#include "absl/strings/str_cat.h"

namespace meros::agent {
namespace {

using containerizer::v1::Termination;
using v1::TaskStatus;

// Words that programs look for in Mesos' messages too.
std::string HowItEnded(const Termination& termination) {
  if (termination.has_exit_code()) {
    return absl::StrCat("Command exited with status ", termination.exit_code());
  }
  if (termination.has_signal()) {
    return absl::StrCat("Command terminated with signal ", termination.signal());
  }
  return termination.message();
}

Outcome Exited(const Termination& termination) {
  Outcome outcome;
  outcome.source = TaskStatus::SOURCE_EXECUTOR;
  outcome.message = HowItEnded(termination);
  if (termination.has_exit_code() && termination.exit_code() == 0) {
    outcome.state = v1::TASK_FINISHED;
  } else {
    outcome.reason = TaskStatus::REASON_COMMAND_EXECUTOR_FAILED;
  }
  return outcome;
}

Outcome Stopped(StopCause cause, std::string how) {
  switch (cause) {
    case StopCause::STOP_CAUSE_COMPLETION_TIME:
      return {.reason = TaskStatus::REASON_MAX_COMPLETION_TIME_REACHED,
              .message = absl::StrCat("the task's max_completion_time was reached: ", how)};
    case StopCause::STOP_CAUSE_DRAIN:
      return {.state = v1::TASK_KILLED,
              .reason = TaskStatus::REASON_AGENT_DRAINING,
              .message = absl::StrCat("the agent is being emptied: ", how)};
    case StopCause::STOP_CAUSE_PREEMPTION:
      return {.state = v1::TASK_KILLED,
              .reason = TaskStatus::REASON_CONTAINER_PREEMPTED,
              .message = how};
    case StopCause::STOP_CAUSE_UNSPECIFIED:
      return {.reason = TaskStatus::REASON_EXECUTOR_TERMINATED,
              .message = absl::StrCat("the container was destroyed: ", how)};
    default:
      return {.state = v1::TASK_KILLED, .message = how, .source = TaskStatus::SOURCE_EXECUTOR};
  }
}

Outcome Basic(const Termination& termination, StopCause cause) {
  switch (termination.reason()) {
    case containerizer::v1::EXITED:
      return Exited(termination);
    case containerizer::v1::REQUESTED:
      return Stopped(cause, HowItEnded(termination));
    case containerizer::v1::LIMITATION_MEMORY:
      return {.reason = TaskStatus::REASON_CONTAINER_LIMITATION_MEMORY,
              .message = termination.message(),
              .limited_memory_bytes = termination.limited_resources().memory_limit_bytes()};
    case containerizer::v1::LIMITATION_PIDS:
      return {.reason = TaskStatus::REASON_CONTAINER_LIMITATION, .message = termination.message()};
    case containerizer::v1::LAUNCH_FAILED:
      return {.reason = TaskStatus::REASON_CONTAINER_LAUNCH_FAILED,
              .message = termination.message()};
    default:
      if (cause != StopCause::STOP_CAUSE_UNSPECIFIED) return Stopped(cause, termination.message());
      return {.reason = TaskStatus::REASON_EXECUTOR_TERMINATED, .message = termination.message()};
  }
}

}  // namespace

Outcome OutcomeOf(const Termination& termination, StopCause cause) {
  Outcome outcome = Basic(termination, cause);
  if (termination.has_exit_code()) outcome.exit_code = static_cast<int>(termination.exit_code());
  if (termination.has_signal()) outcome.term_signal = static_cast<int>(termination.signal());
  return outcome;
}

Outcome OutcomeBeforeLaunch(StopCause cause) {
  Outcome outcome = Stopped(cause, "the task was stopped before it was launched");
  outcome.source = TaskStatus::SOURCE_AGENT;
  if (!outcome.reason.has_value()) {
    outcome.reason = TaskStatus::REASON_TASK_KILLED_DURING_LAUNCH;
  }
  return outcome;
}

v1::TaskState DroppedState(bool is_partition_aware) {
  return is_partition_aware ? v1::TASK_DROPPED : v1::TASK_LOST;
}

}  // namespace meros::agent
