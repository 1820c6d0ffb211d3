#include "libs/runtime/backoff.h"

#include <algorithm>

namespace meros::runtime {

absl::Duration Backoff::Next(Rng* rng) {
  // A tenth at least: a delay near zero would make a busy loop of an unlucky draw.
  const absl::Duration delay = bound_ * (0.1 + 0.9 * rng->UniformDouble());
  bound_ = std::min(options_.maximum, bound_ * options_.multiplier);
  return delay;
}

}  // namespace meros::runtime
