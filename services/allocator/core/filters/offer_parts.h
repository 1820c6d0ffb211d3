// Filter: offers of one fate. What is revocable and everything else of an agent go to a framework
// as offers of their own, so that one can be taken back, refused or time out without the other:
// revocable resources come and go with what the agent estimates. What is shared goes with the first
// of them, because a task that uses it needs something beside it, and most frameworks look at
// offers one by one; alone it is not offered, since it is never used up and would be offered again
// and again.
//
// Owner: services/allocator/core. Thread rule: pure functions; thread-compatible.
#pragma once

#include <vector>

#include "services/allocator/core/model.h"

namespace meros::allocator {

// The parts of `offer`, none of them empty.
std::vector<Resources> PartsOf(const Resources& offer);

}  // namespace meros::allocator
