// Makes "strand-confined" checkable: bind on first use, then every later call must be on the same
// thread. A member of classes that one strand owns.
//
// Thread rule: thread-safe.
#pragma once

#include <atomic>
#include <thread>

namespace meros {

class ThreadChecker {
 public:
  // True when called on the thread that called first. Detach() allows a handover.
  bool CalledOnValidThread() const {
    std::thread::id none;
    const std::thread::id self = std::this_thread::get_id();
    if (owner_.compare_exchange_strong(none, self, std::memory_order_relaxed)) return true;
    return none == self;
  }

  void Detach() { owner_.store(std::thread::id(), std::memory_order_relaxed); }

 private:
  mutable std::atomic<std::thread::id> owner_{};
};

}  // namespace meros
