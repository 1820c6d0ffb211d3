#include "services/master/core/forgotten_agents.h"

#include "services/master/core/agent_sessions.h"

namespace meros::master {
namespace {

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

void NoteUnreachable(Transaction* tx, const Agent& agent) {
  tx->books().unreachable_agents.emplace_back(agent.record.id, agent.record.unreachable_since);
}

void ForgetUnreachable(Transaction* tx) {
  auto& line = tx->books().unreachable_agents;
  while (!line.empty()) {
    const auto [id, since] = line.front();
    Agent* agent = tx->books().agents.Find(id);
    const bool is_lost_since = agent != nullptr &&
                               agent->record.state == AgentState::kUnreachable &&
                               agent->record.unreachable_since == since;
    const absl::Time due = since + tx->options().max_unreachable_age;
    const bool is_one_too_many = line.size() > tx->options().max_unreachable_agents;
    if (is_lost_since && !is_one_too_many && due > tx->now()) return Arm(tx, due);
    line.pop_front();
    if (!is_lost_since) continue;
    if (tx->books().agent_orders.Find(id) != nullptr) {  // next time
      line.emplace_back(id, since);
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
