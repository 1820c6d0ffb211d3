#include "services/agent/shell/master_inputs.h"

#include <cmath>
#include <utility>

#include "libs/base/status_macros.h"
#include "libs/wire/resources_proto.h"
#include "libs/wire/structure.h"
#include "libs/wire/task_rules.h"

namespace meros::agent {
namespace {

// Absent, an amount, or, for infinity, no limit.
absl::StatusOr<std::optional<resources::Scalar>> LimitOf(const v1::TaskInfo& task,
                                                         const std::string& name,
                                                         const wire::FieldPath& path) {
  auto it = task.limits().find(name);
  if (it == task.limits().end()) return std::nullopt;
  if (std::isinf(it->second.value()) && it->second.value() > 0) return resources::Scalar::Max();
  MEROS_ASSIGN_OR_RETURN(resources::Scalar limit,
                         wire::ScalarFromProto(it->second, path.Entry("limits", name)));
  return limit;
}

}  // namespace

absl::StatusOr<TaskResources> TaskResourcesOf(const v1::TaskInfo& task,
                                              const FrameworkId& framework) {
  const wire::FieldPath path("task");
  MEROS_RETURN_IF_ERROR(wire::CheckStructure(task, path));
  const wire::TaskVerdict verdict = wire::JudgeTask(task, framework, path);
  MEROS_RETURN_IF_ERROR(verdict.status);
  TaskResources out;
  out.cpus = verdict.resources.Cpus();
  out.mem = verdict.resources.Mem();
  out.checkpointed = verdict.resources.NeedingCheckpoint().WithoutAllocation();
  MEROS_ASSIGN_OR_RETURN(out.cpus_limit, LimitOf(task, "cpus", path));
  MEROS_ASSIGN_OR_RETURN(out.mem_limit, LimitOf(task, "mem", path));
  return out;
}

MasterSaid ToInput(StreamId stream, agent_link::v1::MasterMessage message) {
  MasterSaid said{stream, std::move(message), {}};
  const agent_link::v1::RunTasks& run = said.message.run_tasks();
  const FrameworkId framework(run.framework().id().value());
  for (const v1::TaskInfo& task : run.tasks()) {
    said.task_resources.push_back(TaskResourcesOf(task, framework));
  }
  return said;
}

}  // namespace meros::agent
