// The agents that have been silent for so long that they may soon be taken for lost, and those that
// would have been, had not too many others gone silent with them (agent_health.h).
//
// Thread rule: strand-confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/time/time.h"
#include "services/master/core/agent.h"

namespace meros::master {

class LateAgents {
 public:
  // Losses within so short a time count together: agents of one fault need not fall silent at once.
  static constexpr absl::Duration kLossWindow = absl::Minutes(1);

  // The agent is lost at `due` unless it says something. No effect on one that is late already.
  void Add(Agent* agent, absl::Time due);
  // It is not late any more, or no agent of the cluster. No effect on one that is not late.
  void Remove(Agent* agent);

  // The first whose time has come and that is not held yet; it is held from now on. Null if there
  // is none.
  Agent* HoldNext(absl::Time now);
  // The one that has been held for longest, or null.
  Agent* FirstHeld() const { return held_.empty() ? nullptr : held_.begin()->second; }
  // When the time of the next comes.
  absl::Time NextDue() const {
    return waiting_.empty() ? absl::InfiniteFuture() : waiting_.begin()->first.first;
  }

  // Notes that an agent is declared unreachable, and forgets those of long ago.
  void NoteDeclared(absl::Time now);

  size_t size() const { return waiting_.size() + held_.size(); }
  size_t held() const { return held_.size(); }
  bool IsHeld(const Agent& agent) const;
  // Late now, or declared unreachable within the last kLossWindow before `now`.
  size_t LostLately(absl::Time now);
  absl::Time last_declared() const {
    return declared_.empty() ? absl::InfinitePast() : declared_.back();
  }

  void CheckInvariants() const;

  // For when the LateAgentsTimer is armed.
  absl::Time armed = absl::InfiniteFuture();

 private:
  using Line = absl::btree_map<std::pair<absl::Time, uint64_t>, Agent*>;  // by due and sequence

  void Forget(absl::Time now);

  Line waiting_;
  Line held_;
  std::deque<absl::Time> declared_;  // when agents were declared unreachable, oldest first
};

}  // namespace meros::master
