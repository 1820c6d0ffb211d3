// A few threads for work that blocks (system calls on containers). Jobs with the same key run one
// after another in the order in which they were posted; jobs with different keys run side by side.
//
// Owner: Containerizer. Bound: the core has a handful of jobs per container in flight, and the
// number of containers is bounded.
//
// Thread rule: thread-safe.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "libs/base/mutex.h"

namespace meros::containerizer {

class KeyedWorkers {
 public:
  explicit KeyedWorkers(int threads);
  // As Stop().
  ~KeyedWorkers();

  // Dropped when stopped.
  void Post(const std::string& key, std::function<void()> job);

  // Lets running jobs end and drops waiting ones. Idempotent.
  void Stop();

 private:
  void Run();

  Mutex mutex_;
  CondVar wake_;
  // Keys with jobs; the first job of a key is running or its key is in ready_.
  std::map<std::string, std::deque<std::function<void()>>> jobs_ MEROS_GUARDED_BY(mutex_);
  std::deque<std::string> ready_ MEROS_GUARDED_BY(mutex_);
  bool stopping_ MEROS_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace meros::containerizer
