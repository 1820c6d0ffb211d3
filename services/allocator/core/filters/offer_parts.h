// Filter: offers of one fate. What is revocable, what is shared and everything else of an agent go
// to a framework as offers of their own, so that one can be taken back, refused or time out without
// the others: revocable resources come and go with what the agent estimates, and a volume that is
// shared is given to many.
//
// Owner: services/allocator/core. Thread rule: pure functions; thread-compatible.
#pragma once

#include <vector>

#include "services/allocator/core/model.h"

namespace meros::allocator {

// The parts of `offer`, none of them empty; what is shared comes last.
std::vector<Resources> PartsOf(const Resources& offer);

}  // namespace meros::allocator
