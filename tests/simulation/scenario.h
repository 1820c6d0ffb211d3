// One seed's life of a cluster: trouble, then peace, then an end that leaves nothing behind.
//
// Thread rule: thread-safe; each call has a world of its own.
#pragma once

#include <cstdint>

#include "libs/simulation/seeds.h"

namespace meros::simulation {

SeedResult RunCluster(uint64_t seed);

}  // namespace meros::simulation
