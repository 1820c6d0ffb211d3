// Filter: the least worth offering. Frameworks may say per role what that is; the rest gets the
// allocator's default.
//
// Owner: services/allocator/core. Thread rule: pure functions; thread-compatible.
#pragma once

#include "services/allocator/core/model.h"
#include "services/allocator/core/role_tree.h"

namespace meros::allocator {

// The rule for `client`. REQUIRES: subscribed.
const MinAllocatable& MinAllocatableOf(const Client& client, const MinAllocatable& by_default);

}  // namespace meros::allocator
