// From the order to run a task to its container.
#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "services/agent/core/agent_core.h"
#include "services/agent/core/launch_spec.h"

namespace meros::agent {

namespace link = agent_link::v1;

void AgentCore::OnRunTasks(const link::RunTasks& run,
                           const std::vector<absl::StatusOr<TaskResources>>& resources) {
  MEROS_CHECK(static_cast<int>(resources.size()) == run.tasks_size());
  for (int i = 0; i < run.tasks_size(); ++i) OnRunTask(run, run.tasks(i), resources[i]);
  if (!run.has_executor() || !run.launch_executor()) return;
  // This agent refuses whatever needs an executor; until it says so, the master counts with one.
  link::AgentMessage message;
  link::ExitedExecutor* exited = message.mutable_exited_executor();
  exited->set_framework_id(run.framework().id().value());
  exited->set_executor_id(run.executor().executor_id().value());
  exited->set_wait_status(-1);
  SendToMaster(std::move(message));
}

void AgentCore::OnRunTask(const link::RunTasks& run, const v1::TaskInfo& info,
                          const absl::StatusOr<TaskResources>& resources) {
  const TaskKey key{FrameworkId(run.framework().id().value()), TaskId(info.task_id().value())};
  // Ids become paths and keys of records.
  if (!ValidateId(key.framework.value()).ok() || !ValidateId(key.task.value()).ok()) {
    return Count(Counter::kMessageIgnored);
  }
  if (Task* known = book_.Find(key); known != nullptr && known->info.has_value()) {
    // The order came twice: the answer is how the task is.
    timers_.Clear({TimerKind::kUpdate, key});
    return Forward(known);
  } else if (known != nullptr) {
    Forget(key);  // it was unknown when the master asked, and no longer is
  }
  const Framework& framework = book_.PutFramework(key.framework, run.framework());

  Task task;
  task.key = key;
  task.info = info;
  task.latest.set_state(v1::TASK_STAGING);
  const std::optional<Refusal> refusal = RefusalNow(run, info, resources);
  if (refusal.has_value()) return Refuse(&book_.Add(std::move(task)), *refusal);
  task.resources = *resources;
  task.container = ContainerId(rng_.Uuid());
  task.sandbox = SandboxDirectory(options_.work_dir, agent_id(), key, task.container);
  PrepareSandbox prepare{task.container, task.sandbox, UserOf(options_, info, framework.info)};
  prepare.volumes = LinksOf(options_.work_dir, task.resources->checkpointed).value();
  // After what makes the volumes, which waits for its record.
  if (!prepare.volumes.empty()) prepare.after = journal_.token();
  Emit(std::move(prepare));
  book_.Add(std::move(task));
}

std::optional<Refusal> AgentCore::RefusalNow(const link::RunTasks& run, const v1::TaskInfo& info,
                                             const absl::StatusOr<TaskResources>& resources) const {
  const v1::TaskState dropped =
      DroppedState(HasCapability(run.framework(), v1::FrameworkInfo::Capability::PARTITION_AWARE));
  if (book_.frameworks().at(FrameworkId(run.framework().id().value())).is_shutting_down) {
    // Ordered by a master before this one, which has not heard of it.
    return Refusal{dropped, v1::TaskStatus::REASON_FRAMEWORK_REMOVED,
                   "the framework is being shut down on this agent"};
  }
  if (is_draining()) {
    return Refusal{dropped, v1::TaskStatus::REASON_AGENT_DRAINING, "the agent is being emptied"};
  }
  if (!run.resource_version_uuid().empty() &&
      run.resource_version_uuid() != node_.resource_version_uuid()) {
    return Refusal{dropped, v1::TaskStatus::REASON_INVALID_OFFERS,
                   "the agent's resources have changed since the offer was made"};
  }
  if (auto refusal = RefusalOf(run); refusal.has_value()) return refusal;
  if (!resources.ok()) return Refusal{.message = std::string(resources.status().message())};
  if (!total_.Contains(resources->checkpointed)) {
    return Refusal{dropped, v1::TaskStatus::REASON_RESOURCES_UNKNOWN,
                   absl::StrCat("the agent does not have ", resources->checkpointed.DebugString())};
  }
  const auto links = LinksOf(options_.work_dir, resources->checkpointed);
  if (!links.ok()) return Refusal{.message = std::string(links.status().message())};
  return RefusalOf(info);
}

void AgentCore::Refuse(Task* task, const Refusal& refusal) {
  Count(Counter::kTaskRefused);
  Record(task);
  End(task, {.state = refusal.state, .reason = refusal.reason, .message = refusal.message});
}

// From here on the task exists, whatever crashes.
void AgentCore::Record(Task* task) {
  Framework* framework = book_.FindFramework(task->key.framework);
  if (!framework->is_recorded) {
    framework->is_recorded = true;
    journal_.Put(FrameworkKey(task->key.framework), EncodeFramework(*framework));
  }
  task->is_recorded = true;
  journal_.Put(TaskRecordKey(task->key), EncodeTask(*task));
}

void AgentCore::Handle(SandboxPrepared&& input) {
  Task* task = book_.FindByContainer(input.container);
  if (task == nullptr || task->phase != TaskPhase::kPreparing) return;  // stopped meanwhile
  Record(task);
  if (!input.result.ok()) {
    Count(Counter::kContainerLaunchError);
    return End(task, {.reason = v1::TaskStatus::REASON_CONTAINER_LAUNCH_FAILED,
                      .message = absl::StrCat("the task's sandbox cannot be made: ",
                                              input.result.message())});
  }
  task->phase = TaskPhase::kLaunching;
  Count(Counter::kTaskLaunched);
  v1::TaskStatus status = NewStatus(*task, v1::TASK_STARTING);
  status.set_source(v1::TaskStatus::SOURCE_EXECUTOR);
  Update(task, std::move(status));
  Launch(*task);
}

// Repeatable: a container id is launched at most once.
void AgentCore::Launch(const Task& task) {
  const Framework* framework = book_.FindFramework(task.key.framework);
  containerizer::v1::Request request;
  *request.mutable_launch()->mutable_spec() =
      LaunchSpecOf(options_, agent_id(), task, framework->info);
  Ask(journal_.token(), task.container, std::move(request));
}

}  // namespace meros::agent
