#include "services/master/core/forgotten_agents.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "services/master/core/agent_sessions.h"

namespace meros::master {
namespace {

// Whether the first of the line is none of it any more: it returned, or was lost again since.
bool IsStale(Transaction* tx, const std::deque<AgentId>& line) {
  const Agent* agent = tx->books().agents.Find(line.front());
  if (agent == nullptr || agent->record.state != AgentState::kUnreachable) return true;
  return std::find(line.begin() + 1, line.end(), line.front()) != line.end();
}

void Forget(Transaction* tx, Agent* agent) {
  const AgentId id = agent->record.id;
  tx->ForgetUnreachableTasksOf(id);
  tx->Write(ObjectKey(id), RemoveAgentRecord{id}, NothingAfter{});
  tx->EraseAgent(agent);
  tx->Add(Count::kAgentsForgotten);
}

void Arm(Transaction* tx, absl::Time at) {
  Books& books = tx->books();
  if (at >= books.forget_agents_armed) return;
  books.forget_agents_armed = at;
  books.timers.Arm(at, ForgetAgentsTimer{});
}

}  // namespace

void NoteUnreachable(Transaction* tx, const AgentId& agent_id) {
  tx->books().unreachable_agents.push_back(agent_id);
  ForgetUnreachable(tx);
}

void ForgetUnreachable(Transaction* tx) {
  std::deque<AgentId>& line = tx->books().unreachable_agents;
  while (!line.empty()) {
    if (IsStale(tx, line)) {
      line.pop_front();
      continue;
    }
    Agent* agent = tx->books().agents.Find(line.front());
    const absl::Time due = agent->record.unreachable_since + tx->options().max_unreachable_age;
    const bool is_one_too_many = line.size() > tx->options().max_unreachable_agents;
    if (!is_one_too_many && due > tx->now()) return Arm(tx, due);
    line.pop_front();
    if (tx->books().agent_orders.Find(agent->record.id) != nullptr) {  // next time
      line.push_back(agent->record.id);
      return Arm(tx, tx->now() + absl::Minutes(1));
    }
    Forget(tx, agent);
  }
}

void OnForgetAgents(Transaction* tx) {
  tx->books().forget_agents_armed = absl::InfiniteFuture();
  ForgetUnreachable(tx);
}

}  // namespace meros::master
