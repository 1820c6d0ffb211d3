// What masters do that a night's seeds must have shown.
//
// Thread rule: thread-compatible.
#pragma once

#include "services/master/core/effects.h"

namespace meros::simulation {

void ProbeMaster(const master::Effect& effect);

}  // namespace meros::simulation
