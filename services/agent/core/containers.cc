// The conversation with the containerizer.
#include "absl/strings/str_cat.h"
#include "services/agent/core/agent_core.h"
#include "services/agent/core/launch_spec.h"

namespace meros::agent {

namespace cv1 = containerizer::v1;

namespace {

absl::StatusCode CodeOf(const cv1::Response& response) {
  return static_cast<absl::StatusCode>(response.code());
}

}  // namespace

void AgentCore::Ask(PersistToken after, const ContainerId& container, cv1::Request request) {
  // What is not asked now follows from the comparison after the next List.
  if (containers_.session == 0 || (!containers_.is_ready && !request.has_list())) return;
  request.set_request_id(containers_.next_request++);
  containers_.unanswered.emplace(request.request_id(), container);
  Emit(ToContainerizer{after, containers_.session, std::move(request)});
}

void AgentCore::Handle(ContainerizerSaid&& input) {
  if (input.session != containers_.session) return;
  const cv1::Response& response = input.response;
  if (response.request_id() != 0) return OnAnswer(response);
  if (!containers_.is_ready) return;  // the list to come says the same
  if (response.has_started()) {
    const cv1::ContainerStarted& started = response.started();
    Task* task = book_.FindByContainer(ContainerId(started.container_id()));
    if (task == nullptr || !task->may_have_container()) {
      return DestroyOrphan(ContainerId(started.container_id()));
    }
    OnStarted(task, started.pid(), started.started_at_ns());
  } else if (response.has_terminated()) {
    OnTerminated(ContainerId(response.terminated().container_id()),
                 response.terminated().termination());
  }
}

void AgentCore::OnAnswer(const cv1::Response& response) {
  auto it = containers_.unanswered.find(response.request_id());
  if (it == containers_.unanswered.end()) return;
  const ContainerId container = it->second;
  containers_.unanswered.erase(it);
  if (response.has_list()) return CompareWith(response.list());
  if (CodeOf(response) == absl::StatusCode::kOk) {
    Task* task = book_.FindByContainer(container);
    if (response.has_launch() && task != nullptr) OnStatus(task, response.launch().status());
    return;
  }
  if (container.empty()) {
    // A refused List leaves nothing to go by; the shell connects again.
    Note(Notice::Severity::kError,
         absl::StrCat("the containerizer refused to list its containers: ", response.message()));
    return;
  }
  if (Task* task = book_.FindByContainer(container); task != nullptr) OnRefused(task, response);
}

void AgentCore::OnRefused(Task* task, const cv1::Response& response) {
  if (!task->may_have_container()) return;
  if (task->phase != TaskPhase::kLaunching) {
    // Only Stop is asked for here. NOT_FOUND: the container never came to be, or is gone.
    if (CodeOf(response) == absl::StatusCode::kNotFound) OnContainerMissing(task);
    return;
  }
  if (CodeOf(response) == absl::StatusCode::kUnavailable) {
    timers_.Set({TimerKind::kRelaunch, task->key}, now_ + options_.containerizer_retry);
    return;
  }
  Count(Counter::kContainerLaunchError);
  End(task,
      {.reason = v1::TaskStatus::REASON_CONTAINER_LAUNCH_FAILED,
       .message = absl::StrCat("the containerizer refused the launch: ", response.message())});
}

void AgentCore::OnStatus(Task* task, const cv1::ContainerStatus& status) {
  if (status.state() == cv1::TERMINATED) return OnTerminated(task->container, status.termination());
  if (status.started_at_ns() != 0) OnStarted(task, status.pid(), status.started_at_ns());
}

void AgentCore::OnStarted(Task* task, uint32_t pid, int64_t started_at_ns) {
  if (!task->may_have_container()) return;
  const bool is_first = task->started_at_ns == 0;
  task->pid = pid;
  task->started_at_ns = started_at_ns;
  if (task->phase == TaskPhase::kLaunching) {
    task->phase = TaskPhase::kRunning;
    v1::TaskStatus status = NewStatus(*task, v1::TASK_RUNNING);
    status.set_source(v1::TaskStatus::SOURCE_EXECUTOR);
    Update(task, std::move(status));
  } else if (is_first) {
    SaveProgress(*task);
  }
  if (task->info->has_max_completion_time() && task->phase == TaskPhase::kRunning) {
    timers_.Set({TimerKind::kCompletion, task->key},
                absl::FromUnixNanos(started_at_ns) +
                    absl::Nanoseconds(task->info->max_completion_time().nanoseconds()));
  }
}

void AgentCore::OnTerminated(ContainerId container, const cv1::Termination& termination) {
  Task* task = book_.FindByContainer(container);
  if (task != nullptr && task->may_have_container()) {
    if (termination.reason() == cv1::LAUNCH_FAILED) Count(Counter::kContainerLaunchError);
    End(task, OutcomeOf(termination, task->stop_cause));
  }
  RemoveContainer(container);
  ExitIfDone();
}

void AgentCore::RemoveContainer(const ContainerId& container) {
  cv1::Request request;
  request.mutable_remove()->set_container_id(container.value());
  Ask(journal_.token(), container, std::move(request));
}

void AgentCore::DestroyOrphan(const ContainerId& container) {
  Count(Counter::kOrphanDestroyed);
  Note(Notice::Severity::kWarning,
       absl::StrCat("container ", container.value(), " belongs to no task and is destroyed"));
  cv1::Request request;
  request.mutable_destroy()->set_container_id(container.value());
  Ask(0, container, std::move(request));
}

}  // namespace meros::agent
