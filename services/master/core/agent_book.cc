#include "services/master/core/agent_book.h"

#include <utility>

#include "libs/base/check.h"

namespace meros::master {

Agent* AgentBook::Insert(AgentRecord record) {
  record.sequence = next_sequence_++;
  auto owned = std::make_unique<Agent>(std::move(record));
  Agent* agent = owned.get();
  MEROS_CHECK(by_id_.emplace(agent->record.id, agent).second) << agent->record.id;
  if (!agent->record.registration_key.empty()) by_key_[agent->record.registration_key] = agent;
  ++in_state_[static_cast<size_t>(agent->record.state)];
  agents_.emplace(agent->record.sequence, std::move(owned));
  return agent;
}

void AgentBook::Erase(const AgentId& id) {
  Agent* agent = Find(id);
  MEROS_CHECK(agent != nullptr) << id;
  MEROS_CHECK(agent->tasks.empty() && agent->offers.empty()) << id;
  SetStream(agent, 0);
  --in_state_[static_cast<size_t>(agent->record.state)];
  if (FindByKey(agent->record.registration_key) == agent) {
    by_key_.erase(agent->record.registration_key);
  }
  by_id_.erase(id);
  agents_.erase(agent->record.sequence);
}

Agent* AgentBook::Find(const AgentId& id) const {
  auto it = by_id_.find(id);
  return it == by_id_.end() ? nullptr : it->second;
}

Agent* AgentBook::FindByStream(StreamId stream) const {
  auto it = by_stream_.find(stream);
  return it == by_stream_.end() ? nullptr : it->second;
}

Agent* AgentBook::FindByKey(const std::string& registration_key) const {
  auto it = by_key_.find(registration_key);
  return it == by_key_.end() ? nullptr : it->second;
}

void AgentBook::SetStream(Agent* agent, StreamId stream) {
  if (agent->stream != 0) by_stream_.erase(agent->stream);
  agent->stream = stream;
  if (stream != 0) by_stream_[stream] = agent;
}

void AgentBook::SetKey(Agent* agent, const std::string& registration_key) {
  if (registration_key.empty() || registration_key == agent->record.registration_key) return;
  if (FindByKey(agent->record.registration_key) == agent) {
    by_key_.erase(agent->record.registration_key);
  }
  agent->record.registration_key = registration_key;
  by_key_[registration_key] = agent;
}

void AgentBook::SetState(Agent* agent, AgentState state) {
  MEROS_CHECK(MayFollow(agent->record.state, state))
      << agent->record.id << " " << AgentStateName(agent->record.state) << " -> "
      << AgentStateName(state);
  --in_state_[static_cast<size_t>(agent->record.state)];
  ++in_state_[static_cast<size_t>(state)];
  agent->record.state = state;
}

void AgentBook::CheckInvariants() const {
  MEROS_CHECK(by_id_.size() == agents_.size());
  std::array<size_t, kAgentStates> in_state = {};
  size_t streams = 0;
  for (const auto& [sequence, agent] : agents_) {
    MEROS_CHECK(agent->record.sequence == sequence);
    MEROS_CHECK(Find(agent->record.id) == agent.get());
    ++in_state[static_cast<size_t>(agent->record.state)];
    if (agent->stream != 0) {
      ++streams;
      MEROS_CHECK(FindByStream(agent->stream) == agent.get());
    }
    MEROS_CHECK(!agent->is_active() || agent->stream != 0) << agent->record.id;
  }
  MEROS_CHECK(in_state == in_state_);
  MEROS_CHECK(streams == by_stream_.size());
}

}  // namespace meros::master
