#include "libs/runtime/clock.h"

#include <time.h>

#include "absl/time/clock.h"

namespace meros::runtime {
namespace {

absl::Duration Monotonic() {
  timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return absl::DurationFromTimespec(ts);
}

}  // namespace

ProcessClock::ProcessClock() : wall_start_(absl::Now()), monotonic_start_(Monotonic()) {}

absl::Time ProcessClock::Now() const { return wall_start_ + (Monotonic() - monotonic_start_); }

const ProcessClock& ProcessClock::Get() {
  static const ProcessClock* const clock = new ProcessClock();
  return *clock;
}

}  // namespace meros::runtime
