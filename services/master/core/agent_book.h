// Owns the agents: those in session, those that left, those a new leader waits for.
//
// Thread rule: strand-confined.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "services/master/core/agent.h"

namespace meros::master {

class AgentBook {
 public:
  using Map = absl::btree_map<uint64_t, std::unique_ptr<Agent>>;

  // Takes an agent and numbers it. REQUIRES: its id is new.
  Agent* Insert(AgentRecord record);
  void Erase(const AgentId& id);

  // Null if unknown.
  Agent* Find(const AgentId& id) const;
  Agent* FindByStream(StreamId stream) const;
  Agent* FindByKey(const std::string& registration_key) const;

  // Ties a session to an agent, instead of its former one. 0 unties.
  void SetStream(Agent* agent, StreamId stream);
  // The agent's registration key, which may be found from now on instead of its former one.
  void SetKey(Agent* agent, const std::string& registration_key);
  // REQUIRES: MayFollow(present state, `state`).
  void SetState(Agent* agent, AgentState state);

  // Agents that a new leader still waits for: while there are any, questions about tasks that
  // nobody knows go unanswered.
  size_t recovering() const { return in(AgentState::kRecovered); }
  // Agents that should be in session: those that are, and those that should return.
  size_t expected() const {
    return in(AgentState::kRegistered) + in(AgentState::kDisconnected) + recovering();
  }
  size_t in(AgentState state) const { return in_state_[static_cast<size_t>(state)]; }

  // In order of entry.
  const Map& all() const { return agents_; }
  size_t size() const { return agents_.size(); }

  void CheckInvariants() const;

 private:
  Map agents_;
  absl::flat_hash_map<AgentId, Agent*> by_id_;
  absl::flat_hash_map<StreamId, Agent*> by_stream_;
  absl::flat_hash_map<std::string, Agent*> by_key_;
  uint64_t next_sequence_ = 1;
  std::array<size_t, kAgentStates> in_state_ = {};
};

}  // namespace meros::master
