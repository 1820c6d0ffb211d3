// Runs things a little later: the next attempt to connect, after a back-off.
//
// Owner: Agent. Thread rule: thread-safe; what is scheduled runs on the redialer's thread and must
// not block.
#pragma once

#include <functional>
#include <map>
#include <thread>

#include "absl/time/time.h"
#include "libs/base/mutex.h"

namespace meros::agent {

class Redialer {
 public:
  Redialer();
  ~Redialer() { Stop(); }

  void After(absl::Duration delay, std::function<void()> run);

  // Drops what has not run yet; returns when nothing runs any more. Idempotent.
  void Stop();

 private:
  void Run();

  Mutex mutex_;
  CondVar wake_;
  std::multimap<absl::Time, std::function<void()>> due_ MEROS_GUARDED_BY(mutex_);
  bool stopping_ MEROS_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace meros::agent
