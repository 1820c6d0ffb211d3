// Cuts streams whose peer has stopped reading: a write that does not complete within its deadline ends
// the stream. One thread looks after all streams of the process once a second, which is exact enough
// for deadlines of many seconds and costs nothing per write.
//
// Thread rule: thread-safe.
#pragma once

#include <memory>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "libs/base/mutex.h"

namespace meros::rpc {

// A stream as the watchdog sees it.
class WatchedStream {
 public:
  virtual ~WatchedStream() = default;

  // Ends the stream if its present write began before `deadline_start`.
  virtual void CutIfStuckSince(absl::Time deadline_start) = 0;
  virtual absl::Duration write_deadline() const = 0;
};

class StreamWatchdog {
 public:
  // The process's one watchdog; its thread starts with the first stream and never ends.
  static StreamWatchdog& Get();

  void Watch(std::weak_ptr<WatchedStream> stream);

 private:
  StreamWatchdog() = default;
  void Run();

  Mutex mutex_;
  std::vector<std::weak_ptr<WatchedStream>> streams_ MEROS_GUARDED_BY(mutex_);
  bool running_ MEROS_GUARDED_BY(mutex_) = false;
};

}  // namespace meros::rpc
