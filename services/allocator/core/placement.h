// Stage 6, placement: in which order agents are handed out. The order is random, drawn from the
// core's seed, so that no agent is always first and tasks spread by themselves.
//
// Owner: services/allocator/core. Thread rule: pure function (but for drawing from `rng`).
#pragma once

#include <vector>

#include "libs/base/rng.h"
#include "services/allocator/core/mirror.h"

namespace meros::allocator {

// REQUIRES: `agents` comes in an order that the books alone determine, so that equal seeds and
// books give equal orders.
inline void OrderForPlacement(std::vector<Agent*>* agents, Rng* rng) { rng->Shuffle(agents); }

}  // namespace meros::allocator
