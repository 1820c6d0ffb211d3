#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "services/master/core/operations.h"
#include "services/master/core/scheduler_calls.h"
#include "services/master/core/task_state.h"

namespace meros::master {
namespace {

using Status = v1::TaskStatus;

void Refuse(Transaction* tx, const Framework& framework, const TaskLaunch& task,
            v1::TaskState state, Status::Reason reason, const std::string& message) {
  tx->Add(Count::kTaskErrors);
  tx->Tell(framework, UpdateEvent{tx->MakeStatus(task.id, task.agent_id,
                                                 VisibleState(state, framework.partition_aware()),
                                                 reason, message)});
}

// Every task and operation of a call that as a whole cannot be carried out.
void RefuseAll(Transaction* tx, const Framework& framework, const Accept& call,
               Status::Reason reason, const std::string& message) {
  for (const AcceptedOperation& operation : call.operations) {
    if (const auto* launch = std::get_if<LaunchOperation>(&operation)) {
      for (const TaskLaunch& task : launch->tasks) {
        Refuse(tx, framework, task, v1::TASK_DROPPED, reason, message);
      }
    } else {
      RefuseOperation(tx, framework, std::get<ResourceOperation>(operation).id, AgentId(), message);
    }
  }
}

// The offers of the call, or why it is invalid as a whole.
absl::StatusOr<std::vector<const Offer*>> FindOffers(Transaction* tx, const Framework& framework,
                                                     const Accept& call) {
  if (call.offers.empty()) return absl::InvalidArgumentError("no offers are named");
  std::vector<const Offer*> offers;
  absl::flat_hash_set<absl::string_view> seen;
  for (const OfferId& id : call.offers) {
    if (!seen.insert(id.value()).second) {
      return absl::InvalidArgumentError(absl::StrCat("offer ", id.value(), " is named twice"));
    }
    const Offer* offer = tx->books().offers.Find(id);
    if (offer == nullptr || offer->framework_id != framework.record.id) {
      return absl::NotFoundError(absl::StrCat("offer ", id.value(), " is no longer valid"));
    }
    if (!offers.empty() && offer->agent_id != offers.front()->agent_id) {
      return absl::InvalidArgumentError("the offers are of different agents");
    }
    if (!offers.empty() && offer->role != offers.front()->role) {
      return absl::InvalidArgumentError("the offers are of different roles");
    }
    offers.push_back(offer);
  }
  return offers;
}

void TakeBackValidOffers(Transaction* tx, const Framework& framework, const Accept& call) {
  for (const OfferId& id : call.offers) {
    const Offer* offer = tx->books().offers.Find(id);
    if (offer == nullptr || offer->framework_id != framework.record.id) continue;
    tx->EndOffer(*offer, Rescind::kSilently, absl::ZeroDuration());
  }
}

bool IsKnownTask(const Framework& framework, const TaskId& id) {
  return framework.FindTask(id) != nullptr || framework.unreachable_by_id.contains(id);
}

// What the task takes from the offers, or why it cannot be launched. The first broken rule, by the
// numbers of libs/wire/task_rules.h, is what the framework is told: rule 1 and those from 4 to 12
// were looked at before (`fault`), 2, 3 and 13 need the books.
absl::StatusOr<resources::Resources> CheckTask(const TaskLaunch& task, const SpentOffers& target) {
  if (!task.fault.ok() && task.fault_rule < 2) return task.fault;
  if (IsKnownTask(*target.framework, task.id)) {
    return absl::AlreadyExistsError(
        absl::StrCat("task id ", task.id.value(), " is already in use by this framework"));
  }
  if (task.agent_id != target.agent->record.id) {
    return absl::InvalidArgumentError(absl::StrCat("task.agent_id is ", task.agent_id.value(),
                                                   " but the offers are of agent ",
                                                   target.agent->record.id.value()));
  }
  if (!task.fault.ok()) return task.fault;
  if (task.allocation_role.has_value() && *task.allocation_role != target.role) {
    return absl::InvalidArgumentError(absl::StrCat("resources are allocated to role ",
                                                   *task.allocation_role, ", the offers to ",
                                                   target.role));
  }
  resources::Resources wanted = task.resources;
  if (!task.executor_id.empty()) {
    auto running = target.agent->executors.find({target.framework->record.id, task.executor_id});
    if (running == target.agent->executors.end()) {
      wanted += task.executor_resources;
    } else if (running->second.info != nullptr && running->second.info->SerializeAsString() !=
                                                      task.info->executor().SerializeAsString()) {
      return absl::InvalidArgumentError(
          absl::StrCat("executor ", task.executor_id.value(), " runs with another description"));
    }
  }
  if (!target.left.Contains(wanted)) {
    return absl::ResourceExhaustedError(absl::StrCat("task needs ", wanted.DebugString(),
                                                     " but of the offers only ",
                                                     target.left.DebugString(), " is left"));
  }
  return wanted;
}

void Launch(Transaction* tx, SpentOffers* target, TaskLaunch* task) {
  absl::StatusOr<resources::Resources> wanted = CheckTask(*task, *target);
  if (!wanted.ok()) {
    return Refuse(tx, *target->framework, *task, v1::TASK_ERROR, Status::REASON_TASK_INVALID,
                  std::string(wanted.status().message()));
  }
  target->left -= *wanted;
  bool launch_executor = task->executor_id.empty();
  const Agent::ExecutorKey executor_key(target->framework->record.id, task->executor_id);
  if (!task->executor_id.empty() && !target->agent->executors.contains(executor_key)) {
    launch_executor = true;
    auto info = std::make_shared<const v1::ExecutorInfo>(task->info->executor());
    tx->AddExecutor(target->agent,
                    Executor{executor_key.first, executor_key.second, target->role,
                             task->executor_resources, std::move(info)},
                    /*reported=*/false);
  }
  tx->LaunchTask(target->framework, target->agent, target->role, *task);
  tx->Tell(*target->agent,
           RunTaskMessage{target->framework->record.subscription.info, task->info, target->role,
                          launch_executor, target->agent->resource_version_uuid});
}

void Apply(Transaction* tx, SpentOffers* target, AcceptedOperation* operation) {
  if (auto* launch = std::get_if<LaunchOperation>(operation)) {
    for (TaskLaunch& task : launch->tasks) {
      if (!launch->id.empty()) {
        Refuse(tx, *target->framework, task, v1::TASK_ERROR,
               launch->is_group ? Status::REASON_TASK_GROUP_INVALID : Status::REASON_TASK_INVALID,
               "operation.id must not be set for launches: tasks have ids");
      } else if (launch->is_group) {
        Refuse(tx, *target->framework, task, v1::TASK_ERROR, Status::REASON_TASK_GROUP_INVALID,
               "this master does not launch task groups yet");
      } else {
        Launch(tx, target, &task);
      }
    }
    return;
  }
  ApplyOperation(tx, std::get<ResourceOperation>(*operation), target);
}

// What was not used. The framework has seen and not wanted what was offered to it; what operations
// made of it, it has not.
void ReturnRest(Transaction* tx, const SpentOffers& target, const resources::Resources& offered,
                absl::Duration refuse) {
  const FrameworkId& framework_id = target.framework->record.id;
  const AgentId& agent_id = target.agent->record.id;
  const resources::Resources made = target.left - offered;
  tx->ReturnSpent(framework_id, target.role, agent_id, made + target.withheld,
                  absl::ZeroDuration());
  tx->ReturnSpent(framework_id, target.role, agent_id, target.left - made, refuse);
}

}  // namespace

absl::Status HandleAccept(Transaction* tx, Framework* framework, Accept call) {
  absl::StatusOr<std::vector<const Offer*>> offers = FindOffers(tx, *framework, call);
  if (!offers.ok()) {
    TakeBackValidOffers(tx, *framework, call);
    RefuseAll(tx, *framework, call, Status::REASON_INVALID_OFFERS,
              std::string(offers.status().message()));
    tx->NoteAnswer(framework);
    return absl::OkStatus();
  }
  SpentOffers target{
      framework, tx->books().agents.Find(offers->front()->agent_id), offers->front()->role, {}, {}};
  for (const Offer* offer : *offers) target.left += tx->SpendOffer(*offer);
  const resources::Resources offered = target.left;
  for (AcceptedOperation& operation : call.operations) Apply(tx, &target, &operation);
  ReturnRest(tx, target, offered, call.refuse);
  tx->NoteAnswer(framework);
  return absl::OkStatus();
}

}  // namespace meros::master
