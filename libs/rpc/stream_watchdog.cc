#include "libs/rpc/stream_watchdog.h"

#include <pthread.h>
#include <signal.h>

#include <utility>

#include "libs/runtime/clock.h"

namespace meros::rpc {

StreamWatchdog& StreamWatchdog::Get() {
  static StreamWatchdog* const watchdog = new StreamWatchdog();
  return *watchdog;
}

void StreamWatchdog::Watch(std::weak_ptr<WatchedStream> stream) {
  MutexLock lock(&mutex_);
  streams_.push_back(std::move(stream));
  if (running_) return;
  running_ = true;
  std::thread([this] { Run(); }).detach();
}

void StreamWatchdog::Run() {
  pthread_setname_np(pthread_self(), "stream-watchdog");
  Mutex sleep_mutex;
  CondVar never;
  while (true) {
    {
      MutexLock lock(&sleep_mutex);
      never.WaitFor(&sleep_mutex, absl::Seconds(1));
    }
    std::vector<std::weak_ptr<WatchedStream>> streams;
    {
      MutexLock lock(&mutex_);
      streams.swap(streams_);
    }
    const absl::Time now = runtime::ProcessClock::Get().Now();
    std::vector<std::weak_ptr<WatchedStream>> alive;
    alive.reserve(streams.size());
    for (auto& weak : streams) {
      if (auto stream = weak.lock()) {
        stream->CutIfStuckSince(now - stream->write_deadline());
        alive.push_back(std::move(weak));
      }
    }
    MutexLock lock(&mutex_);
    streams_.insert(streams_.end(), std::make_move_iterator(alive.begin()),
                    std::make_move_iterator(alive.end()));
  }
}

}  // namespace meros::rpc
