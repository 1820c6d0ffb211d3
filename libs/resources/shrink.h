// Cutting resources down to an amount, as quota and fair sharing need.
//
// Objects are taken in canonical order, or in a random order drawn from `rng` so that no kind is
// always preferred: pass the core's generator, or nullptr for canonical order.
// Thread rule: pure functions (but for drawing from `rng`); thread-compatible.
#pragma once

#include "libs/base/rng.h"
#include "libs/resources/quantities.h"
#include "libs/resources/resources.h"

namespace meros::resources {

// A part of `resources` whose quantities are within `target`. Scalars are cut to what remains of
// their name; indivisible pieces, ranges and sets that do not fit as a whole are dropped; names
// that `target` lacks are dropped.
Resources ShrinkTo(const Resources& resources, ResourceQuantities target, Rng* rng);

// The same against limits: names without a limit are kept whole.
Resources ShrinkTo(const Resources& resources, ResourceLimits limits, Rng* rng);

}  // namespace meros::resources
