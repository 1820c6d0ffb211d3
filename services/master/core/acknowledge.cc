#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/tasks/task_state.h"
#include "services/master/core/scheduler_calls.h"

namespace meros::master {
namespace {

void Pass(Transaction* tx, const Agent& agent, const Framework& framework, AcknowledgeCall call) {
  tx->Tell(agent, AcknowledgeMessage{framework.record.id, std::move(call.task_id),
                                     std::move(call.uuid)});
}

}  // namespace

absl::Status HandleAcknowledge(Transaction* tx, Framework* framework, AcknowledgeCall call) {
  Task* task = framework->FindTask(call.task_id);
  Agent* agent = tx->books().agents.Find(call.agent_id);
  if (agent == nullptr || !agent->is_active()) {
    tx->Add(Count::kInvalidAcknowledgements);
    return absl::NotFoundError(
        absl::StrCat("agent ", call.agent_id.value(), " is unknown or has no session"));
  }
  if (task == nullptr) {
    absl::Status unknown =
        absl::NotFoundError(absl::StrCat("task ", call.task_id.value(), " is unknown"));
    // Not in our books, but the agent may still re-send its update: let it be the judge.
    Pass(tx, *agent, *framework, std::move(call));
    tx->Add(Count::kInvalidAcknowledgements);
    return unknown;
  }
  if (!task->forwarded_state.has_value() || task->agent_id() != call.agent_id) {
    tx->Add(Count::kInvalidAcknowledgements);
    return absl::FailedPreconditionError(
        absl::StrCat("no update of task ", call.task_id.value(), " was forwarded"));
  }
  const bool is_last =
      task->forwarded_uuid.bytes() == call.uuid && tasks::IsTerminal(*task->forwarded_state);
  Pass(tx, *agent, *framework, std::move(call));
  if (is_last) tx->CompleteTask(task);
  return absl::OkStatus();
}

}  // namespace meros::master
