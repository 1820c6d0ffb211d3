// When watchers are sent what is pending: at once after a quiet time, otherwise not sooner than
// `interval_min` after the last time, and so seldom that sending takes no more than a fifth of its
// thread. So a frame holds the more changes the more watchers there are, and the thread is there
// for others; but none waits for more than `interval_max` on its account.
//
// Thread rule: thread-compatible.
#pragma once

#include <algorithm>

#include "absl/time/time.h"

namespace meros::master {

struct FlushPace {
  absl::Duration interval_min = absl::Milliseconds(5);
  absl::Duration interval_max = absl::Milliseconds(50);
};

class FlushPacer {
 public:
  explicit FlushPacer(FlushPace pace) : pace_(pace) {}

  bool IsDue(absl::Time now) const { return now >= next_; }
  absl::Time next() const { return next_; }
  void Sent(absl::Time begin, absl::Time end) {
    next_ = begin + std::clamp(5 * (end - begin), pace_.interval_min, pace_.interval_max);
  }

 private:
  const FlushPace pace_;
  absl::Time next_ = absl::InfinitePast();
};

}  // namespace meros::master
