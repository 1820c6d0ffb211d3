// The one place where production code takes entropy from the kernel, to seed an Rng or to mint ids
// that must not repeat across restarts.
//
// Thread rule: thread-safe.
#pragma once

#include <cstdint>

namespace meros::runtime {

// 64 bits from getrandom(2).
uint64_t RandomSeed();

}  // namespace meros::runtime
