#include "services/agent/core/launch_refusal.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace meros::agent {
namespace {

Refusal Unsupported(absl::string_view what) {
  return {.message = absl::StrCat(what, " not supported by this agent")};
}

std::optional<Refusal> RefusalOf(const v1::ContainerInfo& container) {
  if (container.type() == v1::ContainerInfo::DOCKER) return Unsupported("Docker containers are");
  if (container.has_docker()) return Unsupported("Docker containers are");
  if (container.mesos().has_image()) return Unsupported("container images are");
  if (container.volumes_size() > 0) return Unsupported("volumes are");
  if (container.network_infos_size() > 0) return Unsupported("container networks are");
  if (container.has_linux_info()) {
    return Unsupported("Linux capabilities, seccomp and shared namespaces are");
  }
  if (container.has_tty_info()) return Unsupported("terminals are");
  return std::nullopt;
}

std::optional<Refusal> RefusalOf(const v1::CommandInfo& command) {
  if (command.uris_size() > 0) return Unsupported("fetching of URIs is");
  for (const v1::Environment::Variable& variable : command.environment().variables()) {
    if (variable.type() == v1::Environment::Variable::SECRET) {
      return Unsupported("secrets in the environment are");
    }
  }
  if (!command.has_value() || command.value().empty()) {
    return Refusal{.message = "the task's command has no value to execute"};
  }
  return std::nullopt;
}

}  // namespace

std::optional<Refusal> RefusalOf(const agent_link::v1::RunTasks& run) {
  if (run.group()) {
    Refusal refusal = Unsupported("task groups are");
    refusal.reason = v1::TaskStatus::REASON_TASK_GROUP_INVALID;
    return refusal;
  }
  if (run.has_executor()) return Unsupported("custom executors are");
  return std::nullopt;
}

std::optional<Refusal> RefusalOf(const v1::TaskInfo& task) {
  if (task.has_executor()) return Unsupported("custom executors are");
  if (!task.has_command()) return Refusal{.message = "the task has neither command nor executor"};
  if (task.has_check()) return Unsupported("checks are");
  if (task.has_health_check()) return Unsupported("health checks are");
  if (task.has_container()) {
    if (auto refusal = RefusalOf(task.container()); refusal.has_value()) return refusal;
  }
  return RefusalOf(task.command());
}

}  // namespace meros::agent
