// Comparing what the agent remembers with the containers that exist. The same comparison serves a
// restarted agent, a restarted containerizer and a rebooted node:
//
//   task                      container        then
//   not ended                 has terminated   the task ends as its container did
//   not ended                 exists           adopted: same container, same pid
//   launching, same process   unknown          the launch was lost on the way: sent again
//   launching, restarted      unknown          TASK_DROPPED (TASK_LOST), AGENT_RESTARTED
//   stopping, never started   unknown          ends as stopped before launch
//   was running               unknown          TASK_FAILED: rebooted, or vanished
//   ended or unknown          has terminated   removed
//   ended or unknown          exists           orphan: destroyed
#include "absl/strings/str_cat.h"
#include "services/agent/core/agent_core.h"

namespace meros::agent {

namespace cv1 = containerizer::v1;

void AgentCore::CompareWith(const cv1::ListResponse& list) {
  containers_.is_ready = true;
  containers_.boot_id = list.boot_id();
  absl::btree_map<ContainerId, const cv1::ContainerStatus*> existing;
  for (const cv1::ContainerStatus& status : list.containers()) {
    existing.emplace(ContainerId(status.container_id()), &status);
  }
  std::vector<TaskKey> live;  // comparing may end tasks, and ended tasks may be forgotten
  for (const auto& [key, task] : book_.tasks()) {
    if (task.may_have_container()) live.push_back(key);
  }
  for (const TaskKey& key : live) {
    Task* task = book_.Find(key);
    auto it = existing.find(task->container);
    CompareTask(task, it == existing.end() ? nullptr : it->second);
    if (it != existing.end()) existing.erase(it);
  }
  for (const auto& [container, status] : existing) {
    if (status->state() == cv1::TERMINATED) {
      RemoveContainer(container);
    } else {
      DestroyOrphan(container);
    }
  }
  if (state_ == AgentState::kRecovering && has_records_) FinishRecovery();
  ExitIfDone();
}

void AgentCore::CompareTask(Task* task, const cv1::ContainerStatus* status) {
  if (status == nullptr) return OnContainerMissing(task);
  const ContainerId container = task->container;
  OnStatus(task, *status);
  task = book_.FindByContainer(container);
  if (task != nullptr && task->phase == TaskPhase::kStopping) SendStop(*task);
}

void AgentCore::OnContainerMissing(Task* task) {
  using v1::TaskStatus;
  const bool is_rebooted = !node_.boot_id().empty() && node_.boot_id() != containers_.boot_id;
  if (task->phase == TaskPhase::kLaunching && task->resources.has_value()) return Launch(*task);
  if (task->phase == TaskPhase::kLaunching) {
    return End(task, {.state = DroppedState(IsPartitionAware(*task)),
                      .reason = TaskStatus::REASON_AGENT_RESTARTED,
                      .message = "the agent restarted before the task's container was launched"});
  }
  if (task->phase == TaskPhase::kStopping) {
    if (task->started_at_ns == 0) return End(task, OutcomeBeforeLaunch(task->stop_cause));
    cv1::Termination vanished;
    vanished.set_reason(cv1::LOST);
    vanished.set_message("the task's container vanished while it was being stopped");
    return End(task, OutcomeOf(vanished, task->stop_cause));
  }
  if (is_rebooted) {
    return End(task, {.reason = TaskStatus::REASON_AGENT_RESTARTED,
                      .message = "the node was rebooted while the task ran"});
  }
  End(task, {.reason = TaskStatus::REASON_EXECUTOR_TERMINATED,
             .message = "the task's container is unknown to the containerizer"});
}

void AgentCore::FinishRecovery() {
  node_.set_boot_id(containers_.boot_id);
  SaveNode();
  std::vector<FrameworkId> idle;
  for (const auto& [id, framework] : book_.frameworks()) {
    if (framework.tasks == 0) idle.push_back(id);
  }
  for (const FrameworkId& id : idle) {
    book_.RemoveIdleFramework(id);
    journal_.Erase(FrameworkKey(id));
  }
  SweepSandboxes sweep;
  for (auto& [key, task] : book_.tasks()) {
    if (task.may_have_container()) sweep.keep.push_back(task.sandbox);
    if (task.may_have_container() && book_.FindFramework(key.framework)->is_shutting_down) {
      // The order survived the crash; whether the stop did is not known.
      Stop(&task, StopCause::STOP_CAUSE_FRAMEWORK_SHUTDOWN, GraceOf(task));
    }
  }
  Note(Notice::Severity::kInfo, absl::StrCat("recovered ", book_.tasks().size(), " tasks, ",
                                             sweep.keep.size(), " of them live"));
  Emit(std::move(sweep));
  MoveTo(AgentState::kConnecting);
}

}  // namespace meros::agent
