// What follows when the registry knows that an agent is unreachable or removed: its tasks, its
// offers, and the frameworks that must hear of it.
#include <algorithm>
#include <deque>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/tasks/task_state.h"
#include "services/master/core/agent_sessions.h"
#include "services/master/core/task_state.h"

namespace meros::master {
namespace {

using Status = v1::TaskStatus;

void TellFailure(Transaction* tx, const AgentId& agent_id) {
  for (const auto& [sequence, framework] : tx->books().frameworks.all()) {
    tx->Tell(*framework, FailureEvent{agent_id, ExecutorId(), 0});
  }
}

void DropExecutors(Transaction* tx, Agent* agent) {
  while (!agent->executors.empty()) {
    const Agent::ExecutorKey key = agent->executors.begin()->first;
    tx->RemoveExecutor(agent, key);
  }
}

void LoseTask(Transaction* tx, Task* task, v1::TaskState state, absl::Time unreachable_since) {
  if (tasks::IsTerminal(task->state)) return tx->CompleteTask(task);
  Framework* framework = tx->books().frameworks.Find(task->framework_id());
  const v1::TaskState visible = VisibleState(state, framework->partition_aware());
  auto status = tx->MakeStatus(task->id(), task->agent_id(), visible, Status::REASON_AGENT_REMOVED,
                               "the agent is away");
  if (unreachable_since != absl::InfinitePast()) {
    status->mutable_unreachable_time()->set_nanoseconds(absl::ToUnixNanos(unreachable_since));
  }
  tx->Tell(*framework, UpdateEvent{status});
  tx->SetTaskState(task, visible, status.get());
  if (state == v1::TASK_UNREACHABLE) {
    tx->SetAsideUnreachable(task);
  } else {
    tx->CompleteTask(task);
  }
}

void LoseTasks(Transaction* tx, Agent* agent, v1::TaskState state, absl::Time unreachable_since) {
  while (!agent->tasks.empty()) {
    LoseTask(tx, agent->tasks.begin()->second, state, unreachable_since);
  }
  DropExecutors(tx, agent);
}

// Forgets the agents that have been unreachable for longest when there are too many.
void BoundUnreachable(Transaction* tx) {
  std::deque<AgentId>& line = tx->books().unreachable_agents;
  while (line.size() > tx->options().max_unreachable_agents) {
    const AgentId oldest = std::move(line.front());
    line.pop_front();
    Agent* agent = tx->books().agents.Find(oldest);
    // Those that returned, and may have been lost again, are not due.
    if (agent == nullptr || agent->record.state != AgentState::kUnreachable) continue;
    if (std::find(line.begin(), line.end(), oldest) != line.end()) continue;
    tx->Write(absl::StrCat("agent/", oldest.value()), RemoveAgentRecord{oldest}, NothingAfter{});
    tx->EraseAgent(agent);
  }
}

}  // namespace

void AfterUnreachable(Transaction* tx, const UnreachableAfter& after) {
  Agent* agent = tx->books().agents.Find(after.agent_id);
  MEROS_CHECK(agent != nullptr && agent->record.state == AgentState::kMarkingUnreachable)
      << after.agent_id;
  agent->record.unreachable_since = after.since;
  LoseTasks(tx, agent, v1::TASK_UNREACHABLE, after.since);
  tx->SetAgentState(agent, AgentState::kUnreachable);
  TellFailure(tx, after.agent_id);
  tx->books().unreachable_agents.push_back(after.agent_id);
  BoundUnreachable(tx);
  if (std::shared_ptr<AgentReregister> waiting = std::exchange(agent->waiting, nullptr)) {
    HandleAgentReregister(tx, std::move(*waiting));
  }
}

void AfterAgentRemoved(Transaction* tx, const RemoveAgentAfter& after) {
  Agent* agent = tx->books().agents.Find(after.agent_id);
  MEROS_CHECK(agent != nullptr && agent->record.state == AgentState::kRemoving) << after.agent_id;
  LoseTasks(tx, agent, v1::TASK_GONE, absl::InfinitePast());
  DropSession(tx, agent, absl::OkStatus());
  TellFailure(tx, after.agent_id);
  tx->EraseAgent(agent);
}

}  // namespace meros::master
