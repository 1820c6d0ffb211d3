// Effects of the master core as text, one line each: what golden scripts hold and what tests
// compare. Published changes are left out, save on request: they repeat what the other effects
// show.
//
// Thread rule: pure functions; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "services/master/core/effects.h"

namespace meros::master::testing {

enum class Published { kHide, kShow };

// "" for effects that are hidden.
std::string TraceEffect(const Effect& effect, Published published = Published::kHide);

std::vector<std::string> Trace(const EffectList& effects, Published published = Published::kHide);

}  // namespace meros::master::testing
