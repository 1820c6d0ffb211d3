// Stage 6, placement: in which order agents are handed out. Whoever is first in the order of
// fairness when an agent is to be handed out decides by the placement of its role:
//   kRandom  any agent, drawn from the core's seed, so that no agent is always first;
//   kSpread  the agent of which most is free, so that load spreads;
//   kPack    the agent of which least is free, so that whole agents stay free for large tasks.
// How much is free is the agent's dominant share of the cluster, as it was when the pass began.
//
// Owner: services/allocator/core. Thread rule: strand-confined; lives for one pass.
#pragma once

#include <cstddef>
#include <vector>

#include "libs/base/rng.h"
#include "services/allocator/core/mirror.h"

namespace meros::allocator {

class AgentOrder {
 public:
  // Shuffles `agents`, which must outlive the order. REQUIRES: they come in an order that the books
  // alone determine, so that equal seeds and books give equal orders.
  AgentOrder(std::vector<Agent*>* agents, const Mirror& mirror, Rng* rng);

  // The next agent, each once; null at the end.
  // Cost: O(1); O(n log n) when a placement is first asked for.
  Agent* Next();

 private:
  struct Cursor {
    std::vector<Agent*> agents;
    size_t at = 0;
    bool is_sorted = false;
  };

  Agent* NextOf(const std::vector<Agent*>& agents, size_t* at);
  void Sort(Cursor* cursor, Placement placement) const;

  const std::vector<Agent*>& shuffled_;
  const Mirror& mirror_;
  size_t at_ = 0;
  size_t handed_out_ = 0;
  Cursor spread_;
  Cursor pack_;
};

}  // namespace meros::allocator
