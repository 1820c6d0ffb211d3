#include "libs/tasks/task_state.h"
#include "services/master/core/agent_sessions.h"

namespace meros::master {
namespace {

// An agent speaks for its own tasks alone. Of a task that the books do not have nothing can be
// said: its end may have been acknowledged before, and that acknowledgement lost.
bool IsOfAnother(const Agent& agent, const Task* task, const v1::TaskStatus& status) {
  if (status.has_agent_id() && status.agent_id().value() != agent.record.id.value()) return true;
  return task != nullptr && task->agent_id() != agent.record.id;
}

// The framework does not hear of it, so the master acknowledges it: else it came again for ever.
void Disbelieve(Transaction* tx, const Agent& agent, const AgentStatusUpdate& update) {
  tx->Add(Count::kInvalidStatusUpdates);
  tx->Add(Count::kAgentTaskDisputed);
  if (update.is_ahead) return;
  tx->Tell(agent, AcknowledgeMessage{update.framework_id, update.task_id, update.status->uuid()});
}

}  // namespace

void HandleStatusUpdate(Transaction* tx, Agent* agent, AgentStatusUpdate update) {
  if (!agent->is_active()) return;  // the agent re-sends it when it is back in session
  Framework* framework = tx->books().frameworks.Find(update.framework_id);
  if (framework == nullptr) {
    if (!tx->NoteEnding(agent, {update.framework_id, update.task_id}, update.latest_state)) {
      tx->Add(Count::kInvalidStatusUpdates);
    }
    // An agent in session runs tasks of frameworks that were in the books: this one is gone for
    // good, if so long ago that nothing is left of it, and acknowledges nothing. What it runs must
    // end, and what has ended is forgotten.
    return tx->Tell(*agent, ShutdownFrameworkMessage{update.framework_id});
  }
  Task* task = framework->FindTask(update.task_id);
  if (IsOfAnother(*agent, task, *update.status)) return Disbelieve(tx, *agent, update);
  if (!update.is_ahead) tx->Tell(*framework, UpdateEvent{update.status});
  if (task == nullptr) {
    tx->Add(Count::kInvalidStatusUpdates);
    return;
  }
  const bool is_told = framework->is_connected() && !update.is_ahead;
  if (is_told) tx->SetForwarded(task, update.status->state(), update.status->uuid());
  // The agent's newest state may run ahead of the update that it may send next; a terminal one
  // frees the resources now.
  if (tasks::IsTerminal(task->state)) return;
  tx->SetTaskState(task, update.latest_state, update.status.get());
  task->end_is_due =
      tasks::IsTerminal(task->state) && !(is_told && tasks::IsTerminal(update.status->state()));
}

}  // namespace meros::master
