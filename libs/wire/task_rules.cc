#include "libs/wire/task_rules.h"

#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include <google/protobuf/util/message_differencer.h>

#include "libs/base/status_macros.h"
#include "libs/resources/roles.h"
#include "libs/resources/validation.h"
#include "libs/wire/durations.h"
#include "libs/wire/launch_rules.h"
#include "libs/wire/limits.h"
#include "libs/wire/resources_proto.h"

namespace meros::wire {
namespace {

using resources::Resource;
using resources::ResourceName;
using resources::Resources;
using resources::Scalar;

// A task being judged. Rules 7 and 11 fill in the resources for those after them.
struct Case {
  const v1::TaskInfo& task;
  const FrameworkId& framework_id;
  const FieldPath& path;
  Resources resources;
  Resources executor_resources;
};

struct Rule {
  int number;
  absl::Status (*check)(Case* c);
};

// Resources with the allocation role that the master will give to those without one, as far as the
// message tells.
Resources Allocated(const Resources& resources) {
  for (const Resource& resource : resources) {
    const std::string& role = resource.metadata()->allocation_role;
    if (!role.empty()) return resources.WithDefaultAllocationRole(role);
  }
  return resources.WithDefaultAllocationRole(resources::kDefaultRole);
}

absl::Status CheckTaskId(Case* c) {
  MEROS_RETURN_IF_ERROR(CheckId(c->task.task_id(), c->path.Field("task_id")));
  MEROS_RETURN_IF_ERROR(CheckText(c->task.name(), kMaxNameBytes, c->path.Field("name")));
  MEROS_RETURN_IF_ERROR(CheckLabels(c->task.labels(), c->path.Field("labels")));
  if (c->task.data().size() <= kMaxTaskDataBytes) return absl::OkStatus();
  return c->path.Field("data").Fault("must be at most ", kMaxTaskDataBytes, " bytes, got ",
                                     c->task.data().size());
}

absl::Status CheckKillPolicy(Case* c) {
  return DurationFromProto(c->task.kill_policy().grace_period(),
                           c->path.Field("kill_policy").Field("grace_period"))
      .status();
}

absl::Status CheckMaxCompletionTime(Case* c) {
  return DurationFromProto(c->task.max_completion_time(), c->path.Field("max_completion_time"))
      .status();
}

absl::Status CheckChecks(Case* c) {
  if (c->task.has_check()) {
    MEROS_RETURN_IF_ERROR(CheckCheck(c->task.check(), c->path.Field("check")));
  }
  if (!c->task.has_health_check()) return absl::OkStatus();
  return CheckHealthCheck(c->task.health_check(), c->path.Field("health_check"));
}

absl::Status CheckResources(Case* c) {
  if (c->task.resources().empty()) return c->path.Field("resources").Fault("must not be empty");
  MEROS_ASSIGN_OR_RETURN(c->resources, ResourcesFromProto(c->task.resources(), c->path));
  if (c->resources.empty()) return c->path.Field("resources").Fault("must not all be 0");
  return c->path.Field("resources").Annotate(ValidateForTask(Allocated(c->resources)));
}

absl::Status CheckCommandAndContainer(Case* c) {
  if (c->task.has_command()) {
    MEROS_RETURN_IF_ERROR(CheckCommand(c->task.command(), c->path.Field("command")));
  }
  if (!c->task.has_container()) return absl::OkStatus();
  return CheckContainer(c->task.container(), c->path.Field("container"));
}

absl::Status CheckLimits(Case* c) {
  // Sorted: errors must not depend on the order of a hash map.
  std::map<absl::string_view, double> limits;
  for (const auto& [name, limit] : c->task.limits()) limits.emplace(name, limit.value());
  for (const auto& [name, limit] : limits) {
    const FieldPath entry = c->path.Entry("limits", name);
    if (name != "cpus" && name != "mem") return entry.Fault("only cpus and mem may be limited");
    const Scalar request = c->resources.GetScalar(ResourceName(name));
    if (request.is_zero()) return entry.Fault("needs a request for '", name, "' in resources");
    if (std::isinf(limit) && limit > 0) continue;  // Explicitly unlimited.
    const absl::StatusOr<Scalar> scalar = Scalar::FromDouble(limit);
    if (!scalar.ok()) return entry.Field("value").Annotate(scalar.status());
    if (*scalar < request) {
      return entry.Field("value").Fault("must be at least the request of ", request.ToString(),
                                        ", got ", scalar->ToString());
    }
  }
  return absl::OkStatus();
}

absl::Status CheckCommandOrExecutor(Case* c) {
  if (c->task.has_command() != c->task.has_executor()) return absl::OkStatus();
  return c->path.Fault("must have exactly one of command and executor");
}

// What holds for executors of single tasks and of groups. Fills in the executor's resources.
absl::Status CheckAnyExecutor(const v1::ExecutorInfo& executor, const FrameworkId& framework_id,
                              const FieldPath& path, Resources* executor_resources) {
  MEROS_RETURN_IF_ERROR(CheckId(executor.executor_id(), path.Field("executor_id")));
  MEROS_RETURN_IF_ERROR(
      DurationFromProto(executor.shutdown_grace_period(), path.Field("shutdown_grace_period"))
          .status());
  MEROS_RETURN_IF_ERROR(CheckLabels(executor.labels(), path.Field("labels")));
  if (executor.has_command()) {
    MEROS_RETURN_IF_ERROR(CheckCommand(executor.command(), path.Field("command")));
  }
  if (executor.has_container()) {
    MEROS_RETURN_IF_ERROR(CheckContainer(executor.container(), path.Field("container")));
  }
  if (executor.has_framework_id() && executor.framework_id().value() != framework_id.value()) {
    return path.Field("framework_id").Fault("must be '", framework_id.value(), "'");
  }
  const v1::LinuxInfo& linux_info = executor.container().linux_info();
  if (linux_info.has_share_cgroups() && linux_info.share_cgroups()) {
    return path.Field("container")
        .Field("linux_info")
        .Field("share_cgroups")
        .Fault("must not be true for an executor");
  }
  MEROS_ASSIGN_OR_RETURN(*executor_resources, ResourcesFromProto(executor.resources(), path));
  const FieldPath place = path.Field("resources");
  MEROS_RETURN_IF_ERROR(place.Annotate(ValidateForTask(Allocated(*executor_resources))));
  if (!executor_resources->Shared().empty()) return place.Fault("must not be shared");
  return absl::OkStatus();
}

absl::Status CheckExecutor(Case* c) {
  if (!c->task.has_executor()) return absl::OkStatus();
  const v1::ExecutorInfo& executor = c->task.executor();
  const FieldPath path = c->path.Field("executor");
  if (executor.has_type() && executor.type() != v1::ExecutorInfo::CUSTOM) {
    return path.Field("type").Fault("must be CUSTOM or unset outside a task group");
  }
  if (!executor.has_command()) return path.Field("command").Fault("must be set");
  return CheckAnyExecutor(executor, c->framework_id, path, &c->executor_resources);
}

// What a task and others that run beside it must agree on.
absl::Status CheckSideBySide(const Resources& task, const Resources& others) {
  MEROS_RETURN_IF_ERROR(resources::ValidateNoOverlap(task, others));
  const Resources both = Allocated(task + others);
  // Several tasks may use one shared volume.
  MEROS_RETURN_IF_ERROR(resources::ValidateUniquePersistenceIds(both.NonShared()));
  return resources::ValidateSingleAllocationRole(both);
}

absl::Status CheckTaskAndExecutor(Case* c) {
  if (!c->task.has_executor()) return absl::OkStatus();
  MEROS_RETURN_IF_ERROR(c->path.Annotate(CheckSideBySide(c->resources, c->executor_resources)));
  return c->path.Annotate(
      resources::ValidateRevocableNotMixed(c->resources + c->executor_resources));
}

bool HasOwnCgroups(const v1::TaskInfo& task) {
  const v1::LinuxInfo& linux_info = task.container().linux_info();
  return linux_info.has_share_cgroups() && !linux_info.share_cgroups();
}

absl::Status CheckShareCgroups(Case* c) {
  if (!HasOwnCgroups(c->task)) return absl::OkStatus();
  return c->path.Field("container")
      .Field("linux_info")
      .Field("share_cgroups")
      .Fault("may be false only in a task group");
}

constexpr Rule kTaskRules[] = {
    {1, CheckTaskId},           {4, CheckKillPolicy},         {5, CheckMaxCompletionTime},
    {6, CheckChecks},           {7, CheckResources},          {8, CheckCommandAndContainer},
    {9, CheckLimits},           {10, CheckCommandOrExecutor}, {11, CheckExecutor},
    {12, CheckTaskAndExecutor}, {14, CheckShareCgroups},
};

// The last rule that applies to the tasks of a group one by one.
constexpr int kLastGroupRule = 9;

absl::Status CheckGroupExecutor(const v1::ExecutorInfo& executor, const FrameworkId& framework_id,
                                const FieldPath& path, Resources* executor_resources) {
  switch (executor.type()) {
    case v1::ExecutorInfo::DEFAULT:
      if (executor.has_command()) {
        return path.Field("command").Fault("must not be set for type DEFAULT");
      }
      if (executor.has_container() && (executor.container().type() != v1::ContainerInfo::MESOS ||
                                       executor.container().mesos().has_image())) {
        return path.Field("container").Fault("must be of type MESOS without an image");
      }
      break;
    case v1::ExecutorInfo::CUSTOM:
      if (!executor.has_command()) {
        return path.Field("command").Fault("must be set for type CUSTOM");
      }
      if (executor.container().type() == v1::ContainerInfo::DOCKER && executor.has_container()) {
        return path.Field("container").Fault("must not be of type DOCKER in a task group");
      }
      break;
    case v1::ExecutorInfo::UNKNOWN: return path.Field("type").Fault("must be DEFAULT or CUSTOM");
  }
  MEROS_RETURN_IF_ERROR(CheckAnyExecutor(executor, framework_id, path, executor_resources));
  const FieldPath place = path.Field("resources");
  if (executor_resources->Cpus().ToDouble() < kMinExecutorCpus) {
    return place.Fault("must have at least ", kMinExecutorCpus, " cpus");
  }
  if (executor_resources->Mem().ToDouble() < kMinExecutorMemMib) {
    return place.Fault("must have at least ", kMinExecutorMemMib, " MiB of mem");
  }
  if (executor_resources->Disk().is_zero()) return place.Fault("must have some disk");
  return absl::OkStatus();
}

absl::Status CheckGroupTask(const v1::TaskInfo& task, const v1::ExecutorInfo& executor,
                            const FieldPath& path) {
  using google::protobuf::util::MessageDifferencer;
  if (task.has_executor() && !MessageDifferencer::Equals(task.executor(), executor)) {
    return path.Field("executor").Fault("must be the group's executor");
  }
  if (task.has_container() && task.container().type() == v1::ContainerInfo::DOCKER) {
    return path.Field("container").Fault("must not be of type DOCKER in a task group");
  }
  const v1::HealthCheck::Type health = HealthCheckType(task.health_check());
  if (task.container().network_infos_size() > 0 &&
      (health == v1::HealthCheck::HTTP || health == v1::HealthCheck::TCP)) {
    return path.Field("health_check")
        .Fault("must not be HTTP or TCP for a task with its own network");
  }
  if (!task.limits().empty() && !HasOwnCgroups(task)) {
    return path.Field("limits").Fault("need share_cgroups=false in a task group");
  }
  return absl::OkStatus();
}

absl::Status JudgeGroup(const v1::Offer::Operation::LaunchGroup& launch,
                        const FrameworkId& framework_id, const FieldPath& path,
                        TaskGroupVerdict* verdict) {
  const FieldPath group = path.Field("task_group");
  const auto& tasks = launch.task_group().tasks();
  if (tasks.empty()) return group.Field("tasks").Fault("must not be empty");
  MEROS_RETURN_IF_ERROR(CheckCount(tasks.size(), kMaxTasksPerLaunch, group.Field("tasks")));
  MEROS_RETURN_IF_ERROR(CheckGroupExecutor(launch.executor(), framework_id, path.Field("executor"),
                                           &verdict->executor_resources));
  Resources sum = verdict->executor_resources;
  for (int i = 0; i < tasks.size(); ++i) {
    const FieldPath item = group.Item("tasks", i);
    Case c{tasks[i], framework_id, item, {}, {}};
    for (const Rule& rule : kTaskRules) {
      if (rule.number <= kLastGroupRule) MEROS_RETURN_IF_ERROR(rule.check(&c));
    }
    MEROS_RETURN_IF_ERROR(CheckGroupTask(tasks[i], launch.executor(), item));
    if (HasOwnCgroups(tasks[i]) != HasOwnCgroups(tasks[0])) {
      return item.Fault("must have the same share_cgroups as the other tasks of the group");
    }
    MEROS_RETURN_IF_ERROR(item.Field("resources").Annotate(CheckSideBySide(c.resources, sum)));
    sum += c.resources;
    verdict->resources.push_back(std::move(c.resources));
  }
  return absl::OkStatus();
}

}  // namespace

TaskVerdict JudgeTask(const v1::TaskInfo& task, const FrameworkId& framework_id,
                      const FieldPath& path) {
  Case c{task, framework_id, path, {}, {}};
  for (const Rule& rule : kTaskRules) {
    absl::Status status = rule.check(&c);
    if (!status.ok()) return {std::move(status), rule.number, {}, {}};
  }
  return {absl::OkStatus(), 0, std::move(c.resources), std::move(c.executor_resources)};
}

TaskGroupVerdict JudgeTaskGroup(const v1::Offer::Operation::LaunchGroup& launch,
                                const FrameworkId& framework_id, const FieldPath& path) {
  TaskGroupVerdict verdict;
  absl::Status status = JudgeGroup(launch, framework_id, path, &verdict);
  if (!status.ok()) return {std::move(status), {}, {}};
  return verdict;
}

}  // namespace meros::wire
