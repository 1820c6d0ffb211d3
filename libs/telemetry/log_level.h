// The log level of the running process as operators change it: for good, or for a while.
//
//           SetFor(level, duration)
//   LASTING ───────────────────────▶ FOR A WHILE ──▶ SetFor: another level or time
//      ▲      Set, or the time is over     │
//      └───────────────────────────────────┘
//
// Owner: a service's shell. Thread rule: thread-safe.
#pragma once

#include <thread>

#include "absl/time/time.h"
#include "libs/base/mutex.h"
#include "libs/telemetry/log.h"

namespace meros::telemetry {

class LogLevelControl {
 public:
  // What is logged now is what lasts.
  LogLevelControl() : lasting_(LogLevel()) {}
  // What lasts is logged afterwards.
  ~LogLevelControl();

  // Both take effect at once and for all threads.
  void Set(Severity level);
  // REQUIRES: `duration` is positive.
  void SetFor(Severity level, absl::Duration duration);

  struct Setting {
    Severity level;
    Severity lasting;
    absl::Duration remaining;  // infinite when `level` lasts
  };
  Setting setting() const;

 private:
  void Run();

  mutable Mutex mutex_;
  CondVar changed_;
  Severity lasting_ MEROS_GUARDED_BY(mutex_);
  absl::Time until_ MEROS_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  bool stopping_ MEROS_GUARDED_BY(mutex_) = false;
  std::thread timer_;  // begun with the first SetFor, under mutex_
};

}  // namespace meros::telemetry
