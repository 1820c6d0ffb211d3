// std::mutex with clang's thread-safety annotations. Used instead of absl::Mutex because
// ThreadSanitizer of Debian 12 misreads the latter. For leaf utilities only: state with rules of its
// own belongs to a strand, and no callback or RPC is ever made under a lock.
//
// Thread rule: thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "absl/time/time.h"
#include "libs/base/thread_annotations.h"

namespace meros {

class MEROS_CAPABILITY("mutex") Mutex {
 public:
  void Lock() MEROS_ACQUIRE() { mutex_.lock(); }
  void Unlock() MEROS_RELEASE() { mutex_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

class MEROS_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex* mutex) MEROS_ACQUIRE(mutex) : mutex_(mutex) { mutex_->Lock(); }
  ~MutexLock() MEROS_RELEASE() { mutex_->Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex* const mutex_;
};

class CondVar {
 public:
  // Waits until signalled; may wake without reason, so callers loop on their condition.
  void Wait(Mutex* mutex) MEROS_REQUIRES(mutex) MEROS_NO_THREAD_SAFETY_ANALYSIS {
    std::unique_lock<std::mutex> lock(mutex->mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }

  // The same with a limit; absl::InfiniteDuration() waits without one.
  void WaitFor(Mutex* mutex, absl::Duration limit)
      MEROS_REQUIRES(mutex) MEROS_NO_THREAD_SAFETY_ANALYSIS {
    if (limit == absl::InfiniteDuration()) return Wait(mutex);
    std::unique_lock<std::mutex> lock(mutex->mutex_, std::adopt_lock);
    condition_.wait_for(lock, absl::ToChronoNanoseconds(limit));
    lock.release();
  }

  void Signal() { condition_.notify_one(); }
  void SignalAll() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace meros
