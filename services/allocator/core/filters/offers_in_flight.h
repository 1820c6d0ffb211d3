// Filter: offers in flight. A framework that holds as many unanswered offers as its role lets it
// gets no more there before it answers; what it would have had goes to others.
//
// Owner: services/allocator/core. Thread rule: pure functions; thread-compatible.
#pragma once

#include "services/allocator/core/role_tree.h"

namespace meros::allocator {

inline bool HoldsAllItsOffers(const Client& client) {
  const uint32_t most = client.role->max_offers_in_flight();
  return most != 0 && client.offers_in_flight >= most;
}

}  // namespace meros::allocator
