// Ending tasks before they end themselves.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "services/agent/core/agent_core.h"

namespace meros::agent {

namespace {

// What the containerizer accepts.
constexpr absl::Duration kMaxGrace = absl::Hours(24);

absl::Duration GraceOf(const v1::KillPolicy& policy) {
  const absl::Duration grace = absl::Nanoseconds(policy.grace_period().nanoseconds());
  return std::clamp(grace, absl::ZeroDuration(), kMaxGrace);
}

}  // namespace

absl::Duration AgentCore::GraceOf(const Task& task) const {
  if (!task.info.has_value() || !task.info->kill_policy().has_grace_period()) {
    return options_.kill_grace;
  }
  return agent::GraceOf(task.info->kill_policy());
}

void AgentCore::OnKill(const agent_link::v1::KillTask& kill) {
  const TaskKey key{FrameworkId(kill.framework_id()), TaskId(kill.task_id())};
  Task* task = book_.Find(key);
  if (task != nullptr) {
    const absl::Duration grace =
        kill.kill_policy().has_grace_period() ? agent::GraceOf(kill.kill_policy()) : GraceOf(*task);
    if (kill.preempted_for().empty()) return Stop(task, StopCause::STOP_CAUSE_KILL, grace);
    // A task that is stopping already ends for the cause that it was stopped for.
    if (task->phase != TaskPhase::kStopping) task->preempted_for = kill.preempted_for();
    return Stop(task, StopCause::STOP_CAUSE_PREEMPTION, grace);
  }
  const Framework* framework = book_.FindFramework(key.framework);
  if (framework == nullptr) return Count(Counter::kMessageIgnored);
  ReportUnknownTask(
      key,
      DroppedState(HasCapability(framework->info, v1::FrameworkInfo::Capability::PARTITION_AWARE)),
      v1::TaskStatus::REASON_EXECUTOR_TERMINATED, "the task to be killed is unknown to the agent");
}

// Repeatable; a later call can shorten the grace period and never extends it.
void AgentCore::Stop(Task* task, StopCause cause, absl::Duration grace) {
  if (task->has_ended()) return;
  if (task->phase == TaskPhase::kPreparing) {
    Record(task);
    return End(task, OutcomeBeforeLaunch(cause));
  }
  timers_.Clear({TimerKind::kCompletion, task->key});
  timers_.Clear({TimerKind::kRelaunch, task->key});
  if (task->phase == TaskPhase::kStopping) {
    task->grace = std::min(task->grace, grace);
    SaveProgress(*task);
    return SendStop(*task);
  }
  task->phase = TaskPhase::kStopping;
  task->stop_cause = cause;
  task->grace = grace;
  if (HasCapability(book_.FindFramework(task->key.framework)->info,
                    v1::FrameworkInfo::Capability::TASK_KILLING_STATE) &&
      !IsSilent() && cause != StopCause::STOP_CAUSE_FRAMEWORK_SHUTDOWN) {
    v1::TaskStatus status = NewStatus(*task, v1::TASK_KILLING);
    if (cause == StopCause::STOP_CAUSE_DRAIN) {
      status.set_reason(v1::TaskStatus::REASON_AGENT_DRAINING);
    } else if (cause == StopCause::STOP_CAUSE_PREEMPTION) {
      status.set_reason(v1::TaskStatus::REASON_CONTAINER_PREEMPTED);
      status.set_message(absl::StrCat("preempted for role ", task->preempted_for));
    }
    Update(task, std::move(status));
  } else {
    SaveProgress(*task);
  }
  SendStop(*task);
}

void AgentCore::SendStop(const Task& task) {
  containerizer::v1::Request request;
  request.mutable_stop()->set_container_id(task.container.value());
  request.mutable_stop()->set_grace_ms(
      static_cast<uint64_t>(absl::ToInt64Milliseconds(task.grace)));
  // A running task must be stoppable while the disk is full, perhaps because of that very task. One
  // that may not have been launched yet is stopped behind its launch.
  const PersistToken after = task.started_at_ns != 0 ? 0 : journal_.token();
  Ask(after, task.container, std::move(request));
}

// Live tasks are stopped; when nothing is to be reported any more, ended ones are forgotten.
void AgentCore::StopAll(StopCause cause) {
  std::vector<TaskKey> keys;  // stopping may forget tasks
  for (const auto& [key, task] : book_.tasks()) keys.push_back(key);
  for (const TaskKey& key : keys) {
    Task* task = book_.Find(key);
    if (task->has_ended()) {
      if (IsSilent()) Forget(key);
      continue;
    }
    absl::Duration grace = GraceOf(*task);
    if (cause == StopCause::STOP_CAUSE_DRAIN && node_.drain().has_max_grace_ms()) {
      grace =
          std::min(grace, absl::Milliseconds(std::max<int64_t>(0, node_.drain().max_grace_ms())));
    }
    Stop(task, cause, grace);
  }
}

// Ended tasks are forgotten: there is nobody who would acknowledge them. Of the others the master
// hears when they have ended, and says this again.
void AgentCore::OnShutdownFramework(const agent_link::v1::ShutdownFramework& shutdown) {
  const FrameworkId id(shutdown.framework_id());
  if (Framework* framework = book_.FindFramework(id); framework != nullptr) {
    framework->is_shutting_down = true;
    if (framework->is_recorded) journal_.Put(FrameworkKey(id), EncodeFramework(*framework));
  }
  std::vector<TaskKey> keys;
  for (auto it = book_.tasks().lower_bound(TaskKey{id, TaskId()});
       it != book_.tasks().end() && it->first.framework == id; ++it) {
    keys.push_back(it->first);
  }
  for (const TaskKey& key : keys) {
    Task* task = book_.Find(key);
    if (task->has_ended()) {
      Forget(key);
    } else {
      Stop(task, StopCause::STOP_CAUSE_FRAMEWORK_SHUTDOWN, GraceOf(*task));
    }
  }
}

}  // namespace meros::agent
