// Filter: which agents a framework wants and may have at all, whatever is free on them: its offer
// constraints, and the region rule.
//
// Owner: services/allocator/core. Thread rule: pure functions; thread-compatible.
#pragma once

#include "services/allocator/core/mirror.h"

namespace meros::allocator {

// Frameworks that have not said they know regions stay in the master's.
inline bool MayUseRegion(const Capabilities& capabilities, const Agent& agent) {
  return capabilities.region_aware || !agent.is_remote;
}

// Cost: that of the constraints; nothing without any.
inline bool WantsAgent(const Client& client, const Agent& agent) {
  return client.constraints == nullptr || client.constraints->IsSatisfiedBy(agent.state.traits);
}

}  // namespace meros::allocator
