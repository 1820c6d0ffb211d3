#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "services/master/core/launch.h"
#include "services/master/core/operations.h"
#include "services/master/core/scheduler_calls.h"

namespace meros::master {
namespace {

using Status = v1::TaskStatus;

// The tasks of a launch; empty for other operations.
absl::Span<const TaskLaunch> TasksOf(const AcceptedOperation& operation) {
  if (const auto* launch = std::get_if<LaunchOperation>(&operation)) return launch->tasks;
  if (const auto* group = std::get_if<LaunchGroupOperation>(&operation)) return group->tasks;
  return {};
}

OperationType TypeOf(const AcceptedOperation& operation) {
  if (std::holds_alternative<LaunchOperation>(operation)) return v1::Offer::Operation::LAUNCH;
  if (std::holds_alternative<LaunchGroupOperation>(operation)) {
    return v1::Offer::Operation::LAUNCH_GROUP;
  }
  return TypeOf(std::get<ResourceOperation>(operation));
}

// Every task and operation of a call that as a whole cannot be carried out.
void RefuseAll(Transaction* tx, const Framework& framework, const Accept& call,
               Status::Reason reason, const std::string& message) {
  for (const AcceptedOperation& operation : call.operations) {
    for (const TaskLaunch& task : TasksOf(operation)) {
      RefuseTask(tx, framework, task, v1::TASK_DROPPED, reason, message);
    }
    if (const auto* other = std::get_if<ResourceOperation>(&operation)) {
      RefuseOperation(tx, framework, *other, message);
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

// Refused for a reason that nobody is told by an event: what has no id gets no OPERATION_ERROR.
absl::Status Apply(Transaction* tx, SpentOffers* target, AcceptedOperation* operation) {
  if (auto* launch = std::get_if<LaunchOperation>(operation)) {
    Launch(tx, launch, target);
    return absl::OkStatus();
  }
  if (auto* group = std::get_if<LaunchGroupOperation>(operation)) {
    LaunchGroup(tx, group, target);
    return absl::OkStatus();
  }
  const auto& other = std::get<ResourceOperation>(*operation);
  absl::Status status = ApplyOperation(tx, other, target);
  return other.id.empty() ? status : absl::OkStatus();
}

// All in order, each for itself; the first that is refused in silence.
absl::Status ApplyAll(Transaction* tx, SpentOffers* target,
                      std::vector<AcceptedOperation>* operations) {
  absl::Status first;
  for (size_t i = 0; i < operations->size(); ++i) {
    const absl::Status status = Apply(tx, target, &(*operations)[i]);
    if (status.ok() || !first.ok()) continue;
    first = absl::Status(
        status.code(),
        absl::StrCat("accept.operations[", i, "]: ", status.message(), "; the others stand"));
  }
  return first;
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
  for (const AcceptedOperation& operation : call.operations) {
    tx->CountAskedOperation(*framework, TypeOf(operation));
  }
  absl::StatusOr<std::vector<const Offer*>> offers = FindOffers(tx, *framework, call);
  if (!offers.ok()) {
    TakeBackValidOffers(tx, *framework, call);
    RefuseAll(tx, *framework, call, Status::REASON_INVALID_OFFERS,
              std::string(offers.status().message()));
    tx->NoteAnswer(framework);
    return absl::Status(offers.status().code(),
                        absl::StrCat("accept.offer_ids: ", offers.status().message()));
  }
  SpentOffers target{
      framework, tx->books().agents.Find(offers->front()->agent_id), offers->front()->role, {}, {}};
  for (const Offer* offer : *offers) target.left += tx->SpendOffer(*offer);
  const resources::Resources offered = target.left;
  absl::Status status = ApplyAll(tx, &target, &call.operations);
  ReturnRest(tx, target, offered, call.refuse);
  tx->NoteAnswer(framework);
  return status;
}

}  // namespace meros::master
