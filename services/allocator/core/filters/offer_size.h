// Filter: the size of one offer. Large agents are split, to slices of a fixed size or by the number
// of those who want offers, so that a framework which thinks about an offer does not keep a whole
// machine from the others.
//
// Owner: services/allocator/core. Thread rule: pure functions; thread-compatible.
#pragma once

#include "services/allocator/core/model.h"

namespace meros::allocator {

// `offer`, cut so that it holds no more of what `most` names. Everything that can be divided is cut
// in the proportion of what must be cut most, so that a slice has the shape of the agent: scalars
// are rounded down to thousandths (gpus up to whole ones), ranges and sets up to whole items.
// Reservations, disks that cannot be divided and shared resources stay whole.
Resources CutToSize(const Resources& offer, const ResourceLimits& most);

// `offer`, cut in the same way to an equal part of `total`, what the agent has, for `parts` who
// want offers: to a larger part, as that for half as many would be, while it is less than
// `minimum`. Cost: O(log parts) cuts.
Resources CutToPart(const Resources& offer, const ResourceQuantities& total, size_t parts,
                    const MinAllocatable& minimum);

}  // namespace meros::allocator
