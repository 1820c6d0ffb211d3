// Operations on resources, and what they make of what agents have.
#include <utility>
#include <vector>

#include "libs/base/check.h"
#include "services/master/core/transaction.h"

namespace meros::master {

void Transaction::ConvertSpent(Agent* agent, const FrameworkId& framework_id,
                               const std::string& role, const resources::Conversion& conversion) {
  TellAllocator(RecoverDelta{framework_id, role, agent->record.id, conversion.consumed,
                             absl::ZeroDuration()});
  ConvertFree(agent, conversion);
  TellAllocator(AllocateDelta{framework_id, role, agent->record.id, conversion.converted, 0});
}

void Transaction::ConvertFree(Agent* agent, const resources::Conversion& conversion) {
  MEROS_CHECK(agent->record.Free().Contains(conversion.consumed)) << agent->record.id;
  resources::Resources total = agent->record.total;
  total -= conversion.consumed;
  total += conversion.converted;
  SetAgentTotal(agent, std::move(total));
}

void Transaction::ReleaseTasksBeyond(Agent* agent, const resources::Resources& total) {
  resources::Resources kept;
  for (const auto& [sequence, task] : agent->tasks) {
    if (!task->holds_resources) continue;
    const resources::Resources wanted = task->resources().NeedingCheckpoint();
    if (wanted.empty()) continue;
    if (total.Contains(WithSingleShares(kept + wanted))) {
      kept += wanted;
    } else {
      ReleaseTask(task, books_.frameworks.Find(task->framework_id()), agent);
    }
  }
  bool has_changed = false;
  for (auto& [key, task] : agent->ending) {
    const resources::Resources wanted = task.resources.NeedingCheckpoint();
    if (wanted.empty()) continue;
    if (total.Contains(WithSingleShares(kept + wanted))) {
      kept += wanted;
    } else {
      agent->record.used -= std::exchange(task.resources, {});
      has_changed = true;
    }
  }
  if (has_changed && agent->is_live()) TellAllocator(Describe(*agent));
}

Operation* Transaction::AddOperation(Agent* agent, Operation operation) {
  Operation* entry = books_.operations.Insert(std::move(operation));
  agent->operations.emplace_hint(agent->operations.end(), entry->sequence, entry);
  CountOperation(entry->info->type(), entry->status->state());
  Publish(std::make_shared<const Operation>(*entry));
  return entry;
}

void Transaction::SetOperationStatus(Operation* operation,
                                     std::shared_ptr<const v1::OperationStatus> status) {
  const bool has_changed = operation->status->state() != status->state();
  operation->status = std::move(status);
  if (has_changed) CountOperation(operation->info->type(), operation->status->state());
  Publish(std::make_shared<const Operation>(*operation));
}

void Transaction::EraseOperation(Operation* operation) {
  const uint64_t sequence = operation->sequence;
  Agent* agent = books_.agents.Find(operation->agent_id);
  agent->operations.erase(sequence);
  books_.operations.Erase(sequence);
  Publish(OperationRemoved{sequence});
  NoteLeft(*agent);
}

void Transaction::AbandonOperationsOf(const FrameworkId& framework_id) {
  for (Operation* operation : books_.operations.NamedOf(framework_id)) {
    if (!operation->status->has_uuid()) {
      books_.operations.Unname(operation);  // acknowledged when its result comes
      continue;
    }
    Tell(*books_.agents.Find(operation->agent_id),
         AcknowledgeOperationMessage{operation->uuid, operation->status->uuid().value()});
    EraseOperation(operation);
  }
}

std::shared_ptr<const v1::OperationStatus> Transaction::MakeStatus(
    const std::string& operation_id, const AgentId& agent_id, v1::OperationState state,
    const std::string& message) const {
  auto status = std::make_shared<v1::OperationStatus>();
  if (!operation_id.empty()) status->mutable_operation_id()->set_value(operation_id);
  if (!agent_id.empty()) status->mutable_agent_id()->set_value(agent_id.value());
  status->set_state(state);
  if (!message.empty()) status->set_message(message);
  return status;
}

}  // namespace meros::master
