// Delays between retries: exponential with full jitter, so that many clients of one failed server do
// not come back together (AWS Architecture Blog, "Exponential Backoff And Jitter").
//
// Thread rule: thread-compatible.
#pragma once

#include "absl/time/time.h"
#include "libs/base/rng.h"

namespace meros::runtime {

struct BackoffOptions {
  absl::Duration initial = absl::Milliseconds(100);  // bound of the first delay; > 0
  absl::Duration maximum = absl::Seconds(10);        // bound of every later delay; >= initial
  double multiplier = 2.0;                           // growth of the bound per failure; >= 1
};

class Backoff {
 public:
  explicit Backoff(BackoffOptions options) : options_(options), bound_(options.initial) {}

  // The delay before the next try: uniform between a tenth of the present bound and the bound. The
  // bound grows with every call.
  absl::Duration Next(Rng* rng);

  // After a success: the next failure starts small again.
  void Reset() { bound_ = options_.initial; }

 private:
  const BackoffOptions options_;
  absl::Duration bound_;
};

}  // namespace meros::runtime
