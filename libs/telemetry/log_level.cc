#include "libs/telemetry/log_level.h"

#include <pthread.h>

#include <algorithm>

#include "libs/base/check.h"
#include "libs/runtime/clock.h"

namespace meros::telemetry {
namespace {

absl::Time Now() { return runtime::ProcessClock::Get().Now(); }

}  // namespace

LogLevelControl::~LogLevelControl() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    changed_.Signal();
  }
  if (timer_.joinable()) timer_.join();
  SetLogLevel(lasting_);
}

void LogLevelControl::Set(Severity level) {
  MutexLock lock(&mutex_);
  lasting_ = level;
  until_ = absl::InfiniteFuture();
  SetLogLevel(level);
}

void LogLevelControl::SetFor(Severity level, absl::Duration duration) {
  MEROS_CHECK(duration > absl::ZeroDuration());
  MutexLock lock(&mutex_);
  until_ = Now() + duration;
  SetLogLevel(level);
  if (!timer_.joinable()) timer_ = std::thread([this] { Run(); });
  changed_.Signal();
}

LogLevelControl::Setting LogLevelControl::setting() const {
  MutexLock lock(&mutex_);
  return {LogLevel(), lasting_, std::max(until_ - Now(), absl::ZeroDuration())};
}

void LogLevelControl::Run() {
  pthread_setname_np(pthread_self(), "log-level");
  MutexLock lock(&mutex_);
  while (!stopping_) {
    if (until_ <= Now()) {
      until_ = absl::InfiniteFuture();
      SetLogLevel(lasting_);
    }
    // Where the time is over between two looks, the wait is none.
    changed_.WaitFor(&mutex_, std::max(until_ - Now(), absl::ZeroDuration()));
  }
}

}  // namespace meros::telemetry
