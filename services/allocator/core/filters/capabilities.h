// Filter: capabilities. Keeps from a framework what it has not said it can deal with.
//
// Owner: services/allocator/core. Thread rule: pure functions; thread-compatible.
#pragma once

#include "services/allocator/core/mirror.h"
#include "services/allocator/core/model.h"

namespace meros::allocator {

// Whether the framework may have anything of the agent at all: agents with gpus are kept for those
// who can use them when `filter_gpu_resources` is set, whoever reserved what on them.
bool MayUseAgent(const Capabilities& capabilities, const Agent& agent, bool filter_gpu_resources);

// Whether StripUnusable would take anything away. Cheap.
bool HasUnusable(const Capabilities& capabilities, const Agent& agent);

// What remains of `resources` without revocable and refined ones, where the framework does not know
// them. Shared ones are added, not stripped: see propose.cc.
Resources StripUnusable(const Capabilities& capabilities, const Resources& resources);

}  // namespace meros::allocator
