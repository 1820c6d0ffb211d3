// One thread that waits (epoll) on many descriptors and calls back when one becomes readable: the
// ends of processes (pidfd), out-of-memory notifications (eventfd, inotify).
//
// Thread rule: thread-safe. Callbacks run on the watcher's thread, one at a time; they must be
// quick and may call Add and Remove.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <thread>

#include "absl/status/statusor.h"
#include "libs/base/mutex.h"
#include "libs/linux/unique_fd.h"

namespace meros::os {

class FdWatcher {
 public:
  using WatchId = uint64_t;

  // Starts the thread.
  // ERRORS: by errno of epoll_create1 and eventfd.
  static absl::StatusOr<std::unique_ptr<FdWatcher>> Create();

  ~FdWatcher() { Stop(); }

  // Ends the thread: when it returns no callback runs any more, and none will. Idempotent; not from
  // a callback.
  void Stop();

  // Calls `ready` once, the first time that `fd` is readable, and forgets the watch. `fd` must stay
  // open until then or until Remove().
  absl::StatusOr<WatchId> Once(int fd, std::function<void()> ready);

  // Forgets a watch that has not fired; otherwise does nothing. A callback that runs at this moment
  // may still be running when Remove returns.
  void Remove(WatchId id);

 private:
  struct Watch {
    int fd;
    std::function<void()> ready;
  };

  FdWatcher(UniqueFd epoll, UniqueFd stop);
  void Run();
  void Fire(WatchId id);

  const UniqueFd epoll_;
  const UniqueFd stop_;
  Mutex mutex_;
  WatchId last_id_ MEROS_GUARDED_BY(mutex_) = 0;
  std::map<WatchId, Watch> watches_ MEROS_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace meros::os
