// Status updates: made, kept, forwarded and acknowledged.
#include "libs/base/check.h"
#include "services/agent/core/agent_core.h"

namespace meros::agent {

v1::TaskStatus AgentCore::NewStatus(const Task& task, v1::TaskState state) const {
  v1::TaskStatus status;
  status.mutable_task_id()->set_value(task.key.task.value());
  status.set_state(state);
  status.set_source(v1::TaskStatus::SOURCE_AGENT);
  status.mutable_agent_id()->set_value(node_.agent_id());
  status.set_timestamp(absl::ToDoubleSeconds(now_ - absl::UnixEpoch()));
  if (task.container.empty()) return status;
  // As for Mesos' command executor, whose id was the task's.
  status.mutable_executor_id()->set_value(task.key.task.value());
  v1::ContainerStatus* container = status.mutable_container_status();
  container->mutable_container_id()->set_value(task.container.value());
  if (task.pid != 0) container->set_executor_pid(task.pid);
  if (!options_.ip.empty()) {
    container->add_network_infos()->add_ip_addresses()->set_ip_address(options_.ip);
  }
  return status;
}

void AgentCore::Update(Task* task, v1::TaskStatus status) {
  status.set_uuid(rng_.UuidBytes());
  task->latest = status;
  if (!IsSilent()) task->updates.Push(std::move(status));
  SaveProgress(*task);
  if (task->has_ended() && task->updates.in_flight()) TellAhead(*task);
  Forward(task);
}

// A framework that is away acknowledges nothing, and what its tasks held must not wait for it.
void AgentCore::TellAhead(const Task& task) {
  if (state_ != AgentState::kRunning) return;
  agent_link::v1::AgentMessage message;
  agent_link::v1::StatusUpdate* update = message.mutable_status_update();
  update->set_framework_id(task.key.framework.value());
  *update->mutable_status() = task.latest;
  update->set_latest_state(task.latest.state());
  update->set_is_ahead(true);
  SendToMaster(std::move(message));
}

bool AgentCore::IsFrameworkEnding(const Task& task) const {
  auto it = book_.frameworks().find(task.key.framework);
  return it != book_.frameworks().end() && it->second.is_shutting_down;
}

bool AgentCore::IsPartitionAware(const Task& task) const {
  auto it = book_.frameworks().find(task.key.framework);
  return it != book_.frameworks().end() &&
         HasCapability(it->second.info, v1::FrameworkInfo::Capability::PARTITION_AWARE);
}

void AgentCore::End(Task* task, const Outcome& outcome) {
  v1::TaskStatus status = NewStatus(*task, outcome.state);
  status.set_source(outcome.source);
  status.set_message(outcome.message);
  if (outcome.reason == v1::TaskStatus::REASON_CONTAINER_PREEMPTED) {
    status.set_message(
        absl::StrCat("preempted for role ", task->preempted_for, ": ", outcome.message));
  }
  if (outcome.reason.has_value()) status.set_reason(*outcome.reason);
  if (outcome.exit_code.has_value()) status.set_exit_code(*outcome.exit_code);
  if (outcome.term_signal.has_value()) status.set_term_signal(*outcome.term_signal);
  if (outcome.limited_memory_bytes > 0) {
    v1::Resource* mem = status.mutable_limitation()->add_resources();
    mem->set_name("mem");
    mem->set_type(v1::Value::SCALAR);
    mem->mutable_scalar()->set_value(static_cast<double>(outcome.limited_memory_bytes) / (1 << 20));
  }
  if (outcome.state == v1::TASK_KILLED && node_.drain().mark_gone() &&
      outcome.reason == v1::TaskStatus::REASON_AGENT_DRAINING && IsPartitionAware(*task)) {
    status.set_state(v1::TASK_GONE_BY_OPERATOR);
  }
  switch (status.state()) {
    case v1::TASK_FINISHED:
      Count(Counter::kTaskFinished);
      break;
    case v1::TASK_KILLED:
      Count(Counter::kTaskKilled);
      break;
    case v1::TASK_LOST:
    case v1::TASK_DROPPED:
      Count(Counter::kTaskLost);
      break;
    default:
      Count(Counter::kTaskFailed);
  }
  MEROS_CHECK(IsLegal(task->phase, TaskPhase::kEnded)) << Name(task->phase);
  task->phase = TaskPhase::kEnded;
  task->pid = 0;
  task->resources.reset();
  timers_.Clear({TimerKind::kCompletion, task->key});
  timers_.Clear({TimerKind::kRelaunch, task->key});
  if (!task->sandbox.empty()) Emit(DiscardSandbox{task->sandbox});
  if (IsSilent()) task->updates = UpdateStream();
  Update(task, std::move(status));
  if (task->updates.empty()) Forget(task->key);
}

void AgentCore::Forward(Task* task) {
  const v1::TaskStatus* front = task->updates.front();
  if (front == nullptr || state_ != AgentState::kRunning) return;
  // How it is on the way there interests nobody; that it has ended does, and what came before it is
  // told before it.
  if (IsFrameworkEnding(*task) && !task->has_ended()) return;
  const TimerKey timer{TimerKind::kUpdate, task->key};
  if (task->updates.in_flight() && timers_.Has(timer)) return;  // on its way, not yet due again
  agent_link::v1::AgentMessage message;
  agent_link::v1::StatusUpdate* update = message.mutable_status_update();
  update->set_framework_id(task->key.framework.value());
  *update->mutable_status() = *front;
  update->set_latest_state(task->latest.state());
  SendToMaster(std::move(message));
  Count(task->updates.in_flight() ? Counter::kUpdateRetried : Counter::kUpdateForwarded);
  timers_.Set(timer, now_ + task->updates.MarkSent(retry_));
}

// Who was away has missed them; the next repetition may be minutes off.
void AgentCore::SendAgain(const FrameworkId& framework) {
  for (auto it = book_.tasks().lower_bound(TaskKey{framework, TaskId()});
       it != book_.tasks().end() && it->first.framework == framework; ++it) {
    it->second.updates.Restart();
    timers_.Clear({TimerKind::kUpdate, it->first});
    Forward(&it->second);
  }
  for (auto& [uuid, operation] : operations_) {
    if (operation.framework_id == framework.value()) operation.MarkUnsent();
  }
  ForwardOperations();
}

void AgentCore::OnAcknowledge(const agent_link::v1::Acknowledge& acknowledge) {
  const TaskKey key{FrameworkId(acknowledge.framework_id()), TaskId(acknowledge.task_id())};
  Task* task = book_.Find(key);
  if (task == nullptr || !task->updates.Acknowledge(acknowledge.uuid())) {
    return Count(Counter::kAckIgnored);
  }
  Count(Counter::kAckAccepted);
  timers_.Clear({TimerKind::kUpdate, key});
  if (task->has_ended() && task->updates.empty()) return Forget(key);
  SaveProgress(*task);
  Forward(task);
}

void AgentCore::Forget(const TaskKey& task_key) {
  const TaskKey key = task_key;  // it may live in the task
  const Task* task = book_.Find(key);
  if (IsReported(*task) && !IsSilent() && !IsFrameworkEnding(*task)) Remember(*task);
  if (task->is_recorded) {
    journal_.Erase(TaskRecordKey(key));
    journal_.Erase(ProgressKey(key));
  }
  timers_.Clear({TimerKind::kUpdate, key});
  if (book_.Remove(key)) journal_.Erase(FrameworkKey(key.framework));
  if (book_.tasks().empty() && is_draining()) {
    node_.clear_drain();
    SaveNode();
  }
  ExitIfDone();
}

void AgentCore::Remember(const Task& task) {
  v1::Task report = ReportOf(task, agent_id());
  for (const TaskKey& dropped : ended_.Add(task.key, std::move(report))) {
    journal_.Erase(EndedTaskKey(dropped));
  }
  if (const EndedTasks::Entry* entry = ended_.Find(task.key); entry != nullptr) {
    journal_.Put(EndedTaskKey(task.key), EncodeEndedTask(entry->task, ended_.SequenceOf(task.key)));
  }
}

void AgentCore::ReportUnknownTask(const TaskKey& key, v1::TaskState state,
                                  v1::TaskStatus::Reason reason, const std::string& message) {
  Task task;
  task.key = key;
  task.phase = TaskPhase::kEnded;
  v1::TaskStatus status = NewStatus(task, state);
  status.set_reason(reason);
  status.set_message(message);
  task.latest = status;
  Count(Counter::kTaskLost);
  Update(&book_.Add(std::move(task)), std::move(status));
}

}  // namespace meros::agent
