#include <utility>

#include "services/master/core/agent_sessions.h"

namespace meros::master {

void HandleExecutorExited(Transaction* tx, Agent* agent, const AgentExecutorExited& message) {
  const Agent::ExecutorKey key(message.framework_id, message.executor_id);
  if (agent->executors.contains(key)) tx->RemoveExecutor(agent, key);
  const Framework* framework = tx->books().frameworks.Find(message.framework_id);
  if (framework == nullptr) return;
  tx->Tell(*framework, FailureEvent{agent->record.id, message.executor_id, message.wait_status});
}

void HandleExecutorMessage(Transaction* tx, Agent* agent, AgentExecutorMessage message) {
  const Framework* framework = tx->books().frameworks.Find(message.framework_id);
  if (framework == nullptr || !framework->is_connected()) return tx->Add(Count::kDroppedMessages);
  tx->Tell(*framework,
           MessageEvent{agent->record.id, std::move(message.executor_id), std::move(message.data)});
}

}  // namespace meros::master
