// Stage 1, demand: which frameworks want offers in which roles.
//
// Owner: services/allocator/core. Thread rule: pure functions; thread-compatible.
#pragma once

#include <string>

#include "services/allocator/core/model.h"

namespace meros::allocator {

// Connected, subscribed to the role, and not suppressed in it.
inline bool WantsOffers(const FrameworkState& framework, const std::string& role) {
  return framework.active && framework.roles.contains(role) &&
         !framework.suppressed_roles.contains(role);
}

// Whether `after` may be offered something that `before` was not: then the agents must be looked at
// again.
bool DemandGrew(const FrameworkState& before, const FrameworkState& after);

}  // namespace meros::allocator
