// Stage 2, candidates: on which agents something may have become possible. A run looks at marked
// agents only; the batch marks all. Whatever may let an offer be made that was not made before must
// mark the agents concerned: a property test holds the two against each other.
//
// Owner: services/allocator/core (Books). Thread rule: strand-confined.
#pragma once

#include <vector>

#include "absl/container/btree_set.h"
#include "libs/base/ids.h"
#include "services/allocator/core/mirror.h"

namespace meros::allocator {

class Candidates {
 public:
  void Mark(const AgentId& agent) {
    if (!all_) marked_.insert(agent);
  }
  void MarkAll() {
    all_ = true;
    marked_.clear();
  }

  // Quota kept something of the agent free; WakeQuotaBlocked marks it when quota may give way.
  void NoteQuotaBlocked(const AgentId& agent) { quota_blocked_.insert(agent); }
  void WakeQuotaBlocked();
  // The same for those who held as many offers as they may.
  void NoteOffersBlocked(const AgentId& agent) { offers_blocked_.insert(agent); }
  void WakeOffersBlocked();

  bool empty() const { return !all_ && marked_.empty(); }

  // Unmarks everything and returns those of the marked agents that have something to offer, in
  // order of their ids.
  std::vector<Agent*> Take(const Mirror& mirror);

 private:
  bool all_ = false;
  absl::btree_set<AgentId> marked_;
  absl::btree_set<AgentId> quota_blocked_;
  absl::btree_set<AgentId> offers_blocked_;
};

}  // namespace meros::allocator
