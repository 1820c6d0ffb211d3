#include "services/agent/core/task.h"

#include <algorithm>

namespace meros::agent {
namespace {

using enum TaskPhase;

constexpr TaskTransition kTransitions[] = {
    {kPreparing, kLaunching}, {kLaunching, kRunning}, {kLaunching, kStopping},
    {kRunning, kStopping},    {kPreparing, kEnded},   {kLaunching, kEnded},
    {kRunning, kEnded},       {kStopping, kEnded},
};

}  // namespace

absl::Span<const TaskTransition> TaskTransitions() { return kTransitions; }

bool IsLegal(TaskPhase from, TaskPhase to) {
  return std::any_of(std::begin(kTransitions), std::end(kTransitions),
                     [&](const TaskTransition& t) { return t.from == from && t.to == to; });
}

absl::string_view Name(TaskPhase phase) {
  switch (phase) {
    case kPreparing:
      return "PREPARING";
    case kLaunching:
      return "LAUNCHING";
    case kRunning:
      return "RUNNING";
    case kStopping:
      return "STOPPING";
    case kEnded:
      return "ENDED";
  }
  return "?";
}

v1::Task ReportOf(const Task& task, const AgentId& agent) {
  const v1::TaskInfo& info = *task.info;
  v1::Task report;
  report.set_name(info.name());
  report.mutable_task_id()->set_value(task.key.task.value());
  report.mutable_framework_id()->set_value(task.key.framework.value());
  report.mutable_agent_id()->set_value(agent.value());
  report.set_state(task.latest.state());
  *report.mutable_resources() = info.resources();
  if (task.latest.has_uuid()) *report.add_statuses() = task.latest;
  if (const v1::TaskStatus* front = task.updates.front(); front != nullptr) {
    report.set_status_update_state(front->state());
    report.set_status_update_uuid(front->uuid());
  } else if (task.latest.has_uuid()) {
    report.set_status_update_state(task.latest.state());
    report.set_status_update_uuid(task.latest.uuid());
  }
  if (info.has_labels()) *report.mutable_labels() = info.labels();
  if (info.has_discovery()) *report.mutable_discovery() = info.discovery();
  if (info.has_container()) *report.mutable_container() = info.container();
  if (info.has_health_check()) *report.mutable_health_check() = info.health_check();
  if (info.has_kill_policy()) *report.mutable_kill_policy() = info.kill_policy();
  if (info.command().has_user()) report.set_user(info.command().user());
  *report.mutable_limits() = info.limits();
  return report;
}

bool HasCapability(const v1::FrameworkInfo& framework, v1::FrameworkInfo::Capability::Type type) {
  return std::any_of(framework.capabilities().begin(), framework.capabilities().end(),
                     [&](const auto& capability) { return capability.type() == type; });
}

}  // namespace meros::agent
