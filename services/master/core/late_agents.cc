#include "services/master/core/late_agents.h"

#include "libs/base/check.h"

namespace meros::master {

void LateAgents::Add(Agent* agent, absl::Time due) {
  if (agent->is_late()) return;
  agent->due = due;
  waiting_.emplace(std::make_pair(due, agent->record.sequence), agent);
}

void LateAgents::Remove(Agent* agent) {
  if (!agent->is_late()) return;
  const auto key = std::make_pair(agent->due, agent->record.sequence);
  if (waiting_.erase(key) == 0) held_.erase(key);
  agent->due = absl::InfiniteFuture();
}

Agent* LateAgents::HoldNext(absl::Time now) {
  if (NextDue() > now) return nullptr;
  auto first = waiting_.begin();
  Agent* agent = first->second;
  held_.insert(*first);
  waiting_.erase(first);
  return agent;
}

bool LateAgents::IsHeld(const Agent& agent) const {
  return held_.contains(std::make_pair(agent.due, agent.record.sequence));
}

void LateAgents::NoteDeclared(absl::Time now) {
  Forget(now);
  declared_.push_back(now);
}

size_t LateAgents::LostLately(absl::Time now) {
  Forget(now);
  return size() + declared_.size();
}

void LateAgents::Forget(absl::Time now) {
  while (!declared_.empty() && declared_.front() + kLossWindow < now) declared_.pop_front();
}

void LateAgents::CheckInvariants() const {
  for (const Line* line : {&waiting_, &held_}) {
    for (const auto& [key, agent] : *line) {
      MEROS_CHECK(key == std::make_pair(agent->due, agent->record.sequence)) << agent->record.id;
      MEROS_CHECK(agent->record.state == AgentState::kRecovered ||
                  agent->record.state == AgentState::kDisconnected ||
                  agent->record.state == AgentState::kRegistered)
          << agent->record.id << " " << AgentStateName(agent->record.state);
    }
  }
}

}  // namespace meros::master
