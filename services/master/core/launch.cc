#include "services/master/core/launch.h"

#include <google/protobuf/util/message_differencer.h>

#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/tasks/task_state.h"
#include "services/master/core/task_state.h"

namespace meros::master {
namespace {

using Status = v1::TaskStatus;

constexpr char kIdOfALaunch[] = "operation.id must not be set for launches: tasks have ids";

Agent::ExecutorKey KeyOf(const TaskLaunch& task, const SpentOffers& spent) {
  return {spent.framework->record.id, task.executor_id};
}

// Rules 2 and 3: what needs the books and comes first.
absl::Status CheckIds(const TaskLaunch& task, const SpentOffers& spent) {
  const Framework& framework = *spent.framework;
  if (framework.FindTask(task.id) != nullptr || framework.unreachable_by_id.contains(task.id)) {
    return absl::AlreadyExistsError(
        absl::StrCat("task id ", task.id.value(), " is already in use by this framework"));
  }
  if (task.agent_id == spent.agent->record.id) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("task.agent_id is ", task.agent_id.value(),
                                                 " but the offers are of agent ",
                                                 spent.agent->record.id.value()));
}

// Rule 9, the part that is about the agent.
absl::Status CheckLimits(const TaskLaunch& task, const Agent& agent) {
  using Capability = v1::AgentInfo::Capability;
  const bool limits_tasks = agent.record.capabilities.Has(Capability::TASK_RESOURCE_LIMITS);
  if (task.info->limits().empty() || limits_tasks) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("task.limits: agent ", agent.record.id.value(),
                   " cannot limit tasks (capability TASK_RESOURCE_LIMITS)"));
}

absl::Status CheckRole(const TaskLaunch& task, const SpentOffers& spent) {
  if (!task.allocation_role.has_value() || *task.allocation_role == spent.role) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "resources are allocated to role ", *task.allocation_role, ", the offers to ", spent.role));
}

// What the task's executor takes from the offers: nothing when it runs already.
// ERRORS: InvalidArgument (it runs with another description).
absl::StatusOr<resources::Resources> NeedOfExecutor(const TaskLaunch& task,
                                                    const SpentOffers& spent) {
  if (task.executor_id.empty()) return resources::Resources();
  using google::protobuf::util::MessageDifferencer;
  const auto running = spent.agent->executors.find(KeyOf(task, spent));
  if (running == spent.agent->executors.end()) return task.executor_resources;
  if (running->second.info != nullptr &&
      !MessageDifferencer::Equals(*running->second.info, task.info->executor())) {
    return absl::InvalidArgumentError(
        absl::StrCat("executor ", task.executor_id.value(), " runs with another description"));
  }
  return resources::Resources();
}

bool HasOwnCgroups(const v1::ContainerInfo& container) {
  const v1::LinuxInfo& linux_info = container.linux_info();
  return linux_info.has_share_cgroups() && !linux_info.share_cgroups();
}

// Rule 14, the part that is about the executor: of the tasks that run in it all have cgroups of
// their own, or none. Cost: O(tasks of the agent) if it runs already.
absl::Status CheckCgroups(const TaskLaunch& task, const SpentOffers& spent) {
  if (!spent.agent->executors.contains(KeyOf(task, spent))) return absl::OkStatus();
  for (const auto& [sequence, other] : spent.agent->tasks) {
    if (other->framework_id() != spent.framework->record.id ||
        other->executor_id() != task.executor_id || tasks::IsTerminal(other->state)) {
      continue;
    }
    v1::TaskInfo described;
    described.ParseFromString(*other->facts->description);  // of our own making
    if (HasOwnCgroups(described.container()) == HasOwnCgroups(task.info->container())) break;
    return absl::InvalidArgumentError(
        absl::StrCat("tasks of the group must have the same share_cgroups as task ",
                     other->id().value(), ", which runs in executor ", task.executor_id.value()));
  }
  return absl::OkStatus();
}

absl::Status CheckLeft(const char* who, const resources::Resources& wanted,
                       const SpentOffers& spent) {
  if (spent.left.Contains(WithSingleShares(wanted))) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(who, " needs ", wanted.DebugString(),
                                                   " but of the offers only ",
                                                   spent.left.DebugString(), " is left"));
}

// What the task takes from the offers, or why it cannot be launched. The first broken rule, by the
// numbers of libs/wire/task_rules.h, is what the framework is told: rule 1 and those from 4 to 12
// were looked at before (`fault`), 2, 3, 13 and a part of 9 need the books.
absl::StatusOr<resources::Resources> NeedOfTask(const TaskLaunch& task, const SpentOffers& spent) {
  if (!task.fault.ok() && task.fault_rule < 2) return task.fault;
  MEROS_RETURN_IF_ERROR(CheckIds(task, spent));
  if (!task.fault.ok() && task.fault_rule < 9) return task.fault;
  MEROS_RETURN_IF_ERROR(CheckLimits(task, *spent.agent));
  MEROS_RETURN_IF_ERROR(task.fault);
  MEROS_RETURN_IF_ERROR(CheckRole(task, spent));
  MEROS_ASSIGN_OR_RETURN(resources::Resources wanted, NeedOfExecutor(task, spent));
  wanted += task.resources;
  MEROS_RETURN_IF_ERROR(CheckLeft("task", wanted, spent));
  return wanted;
}

// The same for a whole group.
absl::StatusOr<resources::Resources> NeedOfGroup(const LaunchGroupOperation& group,
                                                 const SpentOffers& spent) {
  if (!group.id.empty()) return absl::InvalidArgumentError(kIdOfALaunch);
  const TaskLaunch& first = group.tasks.front();
  MEROS_RETURN_IF_ERROR(first.fault);
  MEROS_ASSIGN_OR_RETURN(resources::Resources wanted, NeedOfExecutor(first, spent));
  absl::flat_hash_set<absl::string_view> ids;
  for (const TaskLaunch& task : group.tasks) {
    MEROS_RETURN_IF_ERROR(CheckIds(task, spent));
    MEROS_RETURN_IF_ERROR(CheckLimits(task, *spent.agent));
    if (!ids.insert(task.id.value()).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("task id ", task.id.value(), " is twice in the group"));
    }
    MEROS_RETURN_IF_ERROR(CheckRole(task, spent));
    wanted += task.resources;
  }
  MEROS_RETURN_IF_ERROR(CheckCgroups(first, spent));
  MEROS_RETURN_IF_ERROR(CheckLeft("group", wanted, spent));
  return wanted;
}

// What is shared stays there for the next task of the call, whatever it is used for.
void Take(Transaction* tx, const resources::Resources& wanted, SpentOffers* spent) {
  const resources::Resources shared = wanted.Shared();
  if (shared.empty()) {
    spent->left -= wanted;
    return;
  }
  spent->left -= wanted.NonShared();
  tx->TellAllocator(AllocateDelta{spent->framework->record.id, spent->role, spent->agent->record.id,
                                  shared, /*proposal_id=*/0});
}

// Whether the executor is to be launched with the task, which is noted in the books.
bool AddExecutorOf(Transaction* tx, const TaskLaunch& task, SpentOffers* spent) {
  const Agent::ExecutorKey key = KeyOf(task, *spent);
  if (spent->agent->executors.contains(key)) return false;
  auto info = std::make_shared<const v1::ExecutorInfo>(task.info->executor());
  tx->AddExecutor(
      spent->agent,
      Executor{key.first, key.second, spent->role, task.executor_resources, std::move(info)},
      /*reported=*/false);
  return true;
}

void LaunchOne(Transaction* tx, const TaskLaunch& task, SpentOffers* spent) {
  absl::StatusOr<resources::Resources> wanted = NeedOfTask(task, *spent);
  if (!wanted.ok()) {
    return RefuseTask(tx, *spent->framework, task, v1::TASK_ERROR, Status::REASON_TASK_INVALID,
                      std::string(wanted.status().message()));
  }
  Take(tx, *wanted, spent);
  // A task without executor has one of its own.
  const bool launch_executor = task.executor_id.empty() || AddExecutorOf(tx, task, spent);
  tx->LaunchTask(spent->framework, spent->agent, spent->role, task);
  tx->Tell(*spent->agent,
           RunTaskMessage{spent->framework->record.subscription.info, task.info, spent->role,
                          launch_executor, spent->agent->resource_version_uuid});
}

}  // namespace

void Launch(Transaction* tx, LaunchOperation* operation, SpentOffers* spent) {
  for (TaskLaunch& task : operation->tasks) {
    if (operation->id.empty()) {
      LaunchOne(tx, task, spent);
    } else {
      RefuseTask(tx, *spent->framework, task, v1::TASK_ERROR, Status::REASON_TASK_INVALID,
                 kIdOfALaunch);
    }
  }
}

void LaunchGroup(Transaction* tx, LaunchGroupOperation* operation, SpentOffers* spent) {
  if (operation->tasks.empty()) return;  // there is nobody to be told
  absl::StatusOr<resources::Resources> wanted = NeedOfGroup(*operation, *spent);
  if (!wanted.ok()) {
    for (const TaskLaunch& task : operation->tasks) {
      RefuseTask(tx, *spent->framework, task, v1::TASK_ERROR, Status::REASON_TASK_GROUP_INVALID,
                 std::string(wanted.status().message()));
    }
    return;
  }
  Take(tx, *wanted, spent);
  RunGroupMessage run{spent->framework->record.subscription.info,
                      {},
                      spent->role,
                      AddExecutorOf(tx, operation->tasks.front(), spent),
                      spent->agent->resource_version_uuid};
  for (const TaskLaunch& task : operation->tasks) {
    tx->LaunchTask(spent->framework, spent->agent, spent->role, task);
    run.tasks.push_back(task.info);
  }
  tx->Tell(*spent->agent, std::move(run));
}

void RefuseTask(Transaction* tx, const Framework& framework, const TaskLaunch& task,
                v1::TaskState state, Status::Reason reason, const std::string& message) {
  auto status = tx->MakeStatus(task.id, task.agent_id,
                               VisibleState(state, framework.partition_aware()), reason, message);
  tx->Add(Count::kTaskErrors);
  tx->CountEnd(framework, status->state(), status.get());
  tx->Tell(framework, UpdateEvent{std::move(status)});
}

}  // namespace meros::master
