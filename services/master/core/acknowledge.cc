#include "absl/strings/str_cat.h"
#include "libs/tasks/task_state.h"
#include "services/master/core/scheduler_calls.h"

namespace meros::master {

absl::Status HandleAcknowledge(Transaction* tx, Framework* framework, const AcknowledgeCall& call) {
  Task* task = framework->FindTask(call.task_id);
  Agent* agent = tx->books().agents.Find(call.agent_id);
  if (agent == nullptr || !agent->is_active()) {
    tx->Add(Count::kInvalidAcknowledgements);
    return absl::NotFoundError(
        absl::StrCat("agent ", call.agent_id.value(), " is unknown or has no session"));
  }
  const AcknowledgeMessage message{framework->record.id, call.task_id, call.uuid};
  if (task == nullptr) {
    // Not in our books, but the agent may still re-send its update: let it be the judge.
    tx->Tell(*agent, message);
    tx->Add(Count::kInvalidAcknowledgements);
    return absl::NotFoundError(absl::StrCat("task ", call.task_id.value(), " is unknown"));
  }
  if (!task->forwarded_state.has_value() || task->agent_id() != call.agent_id) {
    tx->Add(Count::kInvalidAcknowledgements);
    return absl::FailedPreconditionError(
        absl::StrCat("no update of task ", call.task_id.value(), " was forwarded"));
  }
  tx->Tell(*agent, message);
  if (task->forwarded_uuid.bytes() == call.uuid && tasks::IsTerminal(*task->forwarded_state))
    tx->CompleteTask(task);
  return absl::OkStatus();
}

}  // namespace meros::master
