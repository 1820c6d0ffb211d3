#include "libs/tasks/task_state.h"
#include "services/master/core/agent_sessions.h"

namespace meros::master {

void HandleStatusUpdate(Transaction* tx, Agent* agent, AgentStatusUpdate update) {
  if (!agent->is_active()) return;  // the agent re-sends it when it is back in session
  Framework* framework = tx->books().frameworks.Find(update.framework_id);
  if (framework == nullptr) {
    tx->Add(Count::kInvalidStatusUpdates);
    // A framework that is gone for good acknowledges nothing: its tasks must end.
    if (tx->books().frameworks.IsRemoved(update.framework_id)) {
      tx->Tell(*agent, ShutdownFrameworkMessage{update.framework_id});
    }
    return;
  }
  if (!update.is_ahead) tx->Tell(*framework, UpdateEvent{update.status});
  Task* task = framework->FindTask(update.task_id);
  if (task == nullptr || task->agent_id() != agent->record.id) {
    tx->Add(Count::kInvalidStatusUpdates);
    return;
  }
  if (framework->is_connected() && !update.is_ahead) {
    tx->SetForwarded(task, update.status->state(), update.status->uuid());
  }
  // The agent's newest state may run ahead of the update that it may send next; a terminal one
  // frees the resources now.
  if (tasks::IsTerminal(task->state)) return;
  tx->SetTaskState(task, update.latest_state, update.status.get());
}

}  // namespace meros::master
