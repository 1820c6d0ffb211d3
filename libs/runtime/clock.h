// Time as a parameter. Cores get it as the `now` of a step; shells and strands ask a Clock.
//
// Thread rule: thread-safe.
#pragma once

#include "absl/time/time.h"

namespace meros::runtime {

class Clock {
 public:
  virtual ~Clock() = default;

  // Never goes backwards within one process.
  virtual absl::Time Now() const = 0;
};

// Wall-clock time read once at start, then advanced by the monotonic clock: looks like a date, yet an
// operator or NTP who steps the wall clock moves no deadline of ours.
class ProcessClock : public Clock {
 public:
  ProcessClock();
  absl::Time Now() const override;

  // The one instance that production code uses.
  static const ProcessClock& Get();

 private:
  const absl::Time wall_start_;
  const absl::Duration monotonic_start_;
};

}  // namespace meros::runtime
