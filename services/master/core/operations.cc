#include "services/master/core/operations.h"

#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "services/master/core/operation_rules.h"

namespace meros::master {
namespace {

using resources::Conversion;
using resources::Resources;

// Their results are not for the operations that follow in the same ACCEPT.
bool IsResize(const resources::Operation& operation) {
  return std::holds_alternative<resources::GrowVolume>(operation) ||
         std::holds_alternative<resources::ShrinkVolume>(operation);
}

// A shared volume goes only when nobody else has it: neither a task, nor this call once more.
absl::Status CheckLastShare(const Conversion& conversion, const SpentOffers& spent) {
  for (const resources::Resource& volume : conversion.consumed.Shared()) {
    if (spent.agent->record.used.Contains(volume)) {
      return absl::FailedPreconditionError(
          absl::StrCat("a task uses the shared volume ", volume.DebugString()));
    }
    if ((spent.left - volume).Contains(volume)) {
      return absl::FailedPreconditionError(absl::StrCat("the shared volume ", volume.DebugString(),
                                                        " is in more than one of the offers"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Conversion> Judge(Transaction* tx, const ResourceOperation& operation,
                                 const SpentOffers& spent) {
  const FrameworkId& framework_id = spent.framework->record.id;
  if (!operation.id.empty() &&
      tx->books().operations.FindByName(framework_id, operation.id) != nullptr) {
    return absl::AlreadyExistsError(absl::StrCat("operation id ", operation.id,
                                                 " is in use: its result is not acknowledged yet"));
  }
  if (spent.agent->operations.size() >= tx->options().max_operations_per_agent) {
    return absl::ResourceExhaustedError(absl::StrCat("agent ", spent.agent->record.id.value(),
                                                     " has ", spent.agent->operations.size(),
                                                     " operations that are not done with"));
  }
  MEROS_ASSIGN_OR_RETURN(Conversion conversion,
                         JudgeOperation(operation, {spent.framework, spent.role}, *spent.agent));
  if (!spent.left.Contains(conversion.consumed)) {
    return absl::FailedPreconditionError(
        absl::StrCat(operation.name, " needs ", conversion.consumed.DebugString(),
                     " but of the offers only ", spent.left.DebugString(), " is left"));
  }
  MEROS_RETURN_IF_ERROR(CheckLastShare(conversion, spent));
  return conversion;
}

// Until nobody is offered anything of it.
void EndOffersWith(Transaction* tx, Agent* agent, const Resources& wanted) {
  const AgentRecord& record = agent->record;
  const std::vector<uint64_t> offers(agent->offers.begin(), agent->offers.end());
  for (uint64_t sequence : offers) {
    if ((record.total - record.used - record.offered).Contains(wanted)) return;
    const Offer* offer = tx->books().offers.Find(sequence);
    if ((offer->resources - wanted) == offer->resources) continue;  // holds nothing of it
    tx->EndOffer(*offer, Rescind::kTellFramework, absl::ZeroDuration());
  }
}

Operation NewOperation(Transaction* tx, const Agent& agent, const ResourceOperation& operation,
                       const FrameworkId& framework_id) {
  Operation entry;
  entry.uuid = tx->rng().UuidBytes();
  entry.id = operation.id;
  entry.framework_id = framework_id;
  entry.agent_id = agent.record.id;
  entry.info = operation.info;
  entry.status = tx->MakeStatus(operation.id, agent.record.id, v1::OPERATION_PENDING, "");
  return entry;
}

// Into the books, and to the agent.
void Send(Transaction* tx, Agent* agent, Operation operation, const std::string& role) {
  tx->Tell(*agent, ApplyOperationMessage{operation.framework_id, operation.uuid, operation.info,
                                         role, agent->resource_version_uuid});
  tx->Add(Count::kOperationsApplied);
  tx->AddOperation(agent, std::move(operation));
}

std::shared_ptr<const v1::OperationStatus> WithoutUuid(const v1::OperationStatus& status) {
  auto copy = std::make_shared<v1::OperationStatus>(status);
  copy->clear_uuid();
  return copy;
}

}  // namespace

// ---- ACCEPT ----

OperationType TypeOf(const ResourceOperation& operation) {
  return operation.info == nullptr ? v1::Offer::Operation::UNKNOWN : operation.info->type();
}

void RefuseOperation(Transaction* tx, const Framework& framework,
                     const ResourceOperation& operation, const std::string& message) {
  tx->Add(Count::kOperationsRefused);
  tx->CountOperation(TypeOf(operation), v1::OPERATION_ERROR);
  if (operation.id.empty()) return;
  tx->Tell(framework,
           OperationEvent{tx->MakeStatus(operation.id, AgentId(), v1::OPERATION_ERROR, message)});
}

absl::Status ApplyOperation(Transaction* tx, const ResourceOperation& operation,
                            SpentOffers* spent) {
  const absl::StatusOr<Conversion> conversion = Judge(tx, operation, *spent);
  if (!conversion.ok()) {
    RefuseOperation(tx, *spent->framework, operation, std::string(conversion.status().message()));
    return conversion.status();
  }
  EndOffersWith(tx, spent->agent, conversion->consumed.Shared());
  spent->left -= conversion->consumed;
  (IsResize(*operation.content) ? spent->withheld : spent->left) += conversion->converted;
  tx->ConvertSpent(spent->agent, spent->framework->record.id, spent->role, *conversion);
  Send(tx, spent->agent, NewOperation(tx, *spent->agent, operation, spent->framework->record.id),
       spent->role);
  return absl::OkStatus();
}

// ---- Operators ----

absl::Status HandleOperatorOperation(Transaction* tx, const OperatorOperation& call) {
  Agent* agent = tx->books().agents.Find(call.agent_id);
  if (agent == nullptr) {
    return absl::NotFoundError(absl::StrCat("no agent ", call.agent_id.value()));
  }
  if (!agent->is_active()) {
    return absl::FailedPreconditionError(
        absl::StrCat("agent ", call.agent_id.value(), " is ", AgentStateName(agent->record.state)));
  }
  if (agent->operations.size() >= tx->options().max_operations_per_agent) {
    return absl::ResourceExhaustedError(absl::StrCat("agent ", call.agent_id.value(), " has ",
                                                     agent->operations.size(),
                                                     " operations that are not done with"));
  }
  MEROS_ASSIGN_OR_RETURN(const Conversion conversion, JudgeOperation(call.operation, {}, *agent));
  const Resources& needed = conversion.consumed;
  const AgentRecord& record = agent->record;
  if (!record.total.Contains(needed)) {
    return absl::FailedPreconditionError(
        absl::StrCat("agent ", call.agent_id.value(), " has no ", needed.DebugString()));
  }
  if (!(record.total - record.used).Contains(needed)) {
    return absl::FailedPreconditionError(
        absl::StrCat(needed.DebugString(), " is in use on agent ", call.agent_id.value()));
  }
  EndOffersWith(tx, agent, needed);
  tx->ConvertFree(agent, conversion);
  Send(tx, agent, NewOperation(tx, *agent, call.operation, FrameworkId()), "");
  return absl::OkStatus();
}

// ---- Results ----

void HandleOperationUpdate(Transaction* tx, Agent* agent, AgentOperationUpdate update) {
  if (!agent->is_active()) return;  // the agent re-sends it when it is back in session
  const AcknowledgeOperationMessage stored{update.operation_uuid, update.status->uuid().value()};
  Operation* operation = tx->books().operations.FindByUuid(update.operation_uuid);
  if (operation == nullptr || operation->agent_id != agent->record.id) {
    if (operation != nullptr) tx->Add(Count::kAgentOperationDisputed);
    // Done with before: its acknowledgement was lost.
    return tx->Tell(*agent, stored);
  }
  const Framework* framework = tx->books().frameworks.Find(operation->framework_id);
  tx->SetOperationStatus(operation, update.status);
  if (!operation->id.empty() && framework != nullptr) {
    return tx->Tell(*framework, OperationEvent{std::move(update.status)});
  }
  tx->Tell(*agent, stored);
  if (IsTerminal(update.status->state())) tx->EraseOperation(operation);
}

absl::Status HandleAcknowledgeOperation(Transaction* tx, Framework* framework,
                                        const AcknowledgeOperationCall& call) {
  const auto refuse = [tx](absl::Status status) {
    tx->Add(Count::kInvalidAcknowledgements);
    return status;
  };
  const Agent* agent = tx->books().agents.Find(call.agent_id);
  if (agent == nullptr || !agent->is_active()) {
    return refuse(absl::NotFoundError(
        absl::StrCat("agent ", call.agent_id.value(), " is unknown or has no session")));
  }
  Operation* operation = tx->books().operations.FindByName(framework->record.id, call.operation_id);
  if (operation == nullptr || operation->agent_id != call.agent_id) {
    return refuse(absl::NotFoundError(absl::StrCat(
        "operation ", call.operation_id, " is unknown on agent ", call.agent_id.value())));
  }
  if (operation->status->uuid().value() != call.uuid) {
    return refuse(absl::FailedPreconditionError(
        absl::StrCat("no such status of operation ", call.operation_id, " was told")));
  }
  tx->Tell(*agent, AcknowledgeOperationMessage{operation->uuid, call.uuid});
  if (IsTerminal(operation->status->state())) tx->EraseOperation(operation);
  return absl::OkStatus();
}

// ---- Reconciliation ----

namespace {

// Of an operation that is not in the books.
v1::OperationState StateOfUnknown(const Agent* agent) {
  if (agent == nullptr) return v1::OPERATION_UNKNOWN;
  switch (agent->record.state) {
    case AgentState::kRecovered:
    case AgentState::kReadmitting:
    case AgentState::kMarkingUnreachable:
      return v1::OPERATION_RECOVERING;
    case AgentState::kUnreachable:
      return v1::OPERATION_UNREACHABLE;
    case AgentState::kGone:
      return v1::OPERATION_GONE_BY_OPERATOR;
    case AgentState::kAdmitting:
    case AgentState::kRegistered:
    case AgentState::kDisconnected:
    case AgentState::kRemoving:
      return v1::OPERATION_UNKNOWN;
  }
  return v1::OPERATION_UNKNOWN;
}

}  // namespace

absl::Status HandleReconcileOperations(Transaction* tx, Framework* framework,
                                       const ReconcileOperationsCall& call) {
  const OperationBook& book = tx->books().operations;
  if (call.operations.empty()) {
    for (const Operation* operation : book.NamedOf(framework->record.id)) {
      tx->Tell(*framework, OperationEvent{WithoutUuid(*operation->status)});
    }
    return absl::OkStatus();
  }
  for (const ReconcileOperationsCall::Query& query : call.operations) {
    const Operation* known = book.FindByName(framework->record.id, query.operation_id);
    if (known != nullptr) {
      tx->Tell(*framework, OperationEvent{WithoutUuid(*known->status)});
      continue;
    }
    const Agent* agent = query.agent_id.empty() ? nullptr : tx->books().agents.Find(query.agent_id);
    tx->Tell(*framework, OperationEvent{tx->MakeStatus(query.operation_id, query.agent_id,
                                                       StateOfUnknown(agent), "")});
  }
  return absl::OkStatus();
}

// ---- Agents that come and go ----

void TakeOperations(Transaction* tx, Agent* agent, std::vector<ReportedOperation> reported) {
  absl::flat_hash_set<std::string> uuids;
  for (ReportedOperation& report : reported) {
    if (!uuids.insert(report.uuid).second) continue;
    if (const Operation* known = tx->books().operations.FindByUuid(report.uuid)) {
      if (known->agent_id != agent->record.id) tx->Add(Count::kAgentOperationDisputed);
      continue;
    }
    Operation entry;
    entry.uuid = std::move(report.uuid);
    entry.id = report.info->id().value();
    entry.framework_id = std::move(report.framework_id);
    if (tx->books().operations.FindByName(entry.framework_id, entry.id) != nullptr) {
      tx->Add(Count::kAgentOperationDisputed);
      entry.id.clear();  // the name is another's: the framework does not hear of this one
    }
    entry.agent_id = agent->record.id;
    entry.info = std::move(report.info);
    entry.status = std::move(report.status);
    tx->AddOperation(agent, std::move(entry));
  }
  ReconcileOperationsMessage missing;
  for (const auto& [sequence, operation] : agent->operations) {
    if (uuids.contains(operation->uuid)) continue;
    missing.operations.push_back({operation->framework_id, operation->uuid, operation->id});
  }
  if (!missing.operations.empty()) tx->Send(agent->stream, std::move(missing));
}

void LoseOperations(Transaction* tx, Agent* agent, v1::OperationState state) {
  while (!agent->operations.empty()) {
    Operation* operation = agent->operations.begin()->second;
    if (!IsTerminal(operation->status->state())) {
      tx->CountOperation(operation->info->type(), state);
    }
    const Framework* framework = tx->books().frameworks.Find(operation->framework_id);
    if (!operation->id.empty() && framework != nullptr) {
      tx->Tell(*framework, OperationEvent{tx->MakeStatus(operation->id, agent->record.id, state,
                                                         "the agent is away")});
    }
    tx->EraseOperation(operation);
  }
}

}  // namespace meros::master
