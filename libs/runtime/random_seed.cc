#include "libs/runtime/random_seed.h"

#include <sys/random.h>

#include "libs/base/check.h"

namespace meros::runtime {

uint64_t RandomSeed() {
  uint64_t seed = 0;
  // Requests of up to 256 bytes are never cut short once the pool is ready: getrandom(2).
  MEROS_CHECK(getrandom(&seed, sizeof(seed), 0) == sizeof(seed));
  return seed;
}

}  // namespace meros::runtime
