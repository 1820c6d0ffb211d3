#include "services/agent/shell/redialer.h"

#include <pthread.h>

#include <utility>

#include "libs/runtime/clock.h"

namespace meros::agent {

Redialer::Redialer() : thread_([this] { Run(); }) {}

void Redialer::After(absl::Duration delay, std::function<void()> run) {
  MutexLock lock(&mutex_);
  if (stopping_) return;
  due_.emplace(runtime::ProcessClock::Get().Now() + delay, std::move(run));
  wake_.Signal();
}

void Redialer::Stop() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    due_.clear();
    wake_.Signal();
  }
  if (thread_.joinable()) thread_.join();
}

void Redialer::Run() {
  pthread_setname_np(pthread_self(), "redialer");
  while (true) {
    std::function<void()> run;
    {
      MutexLock lock(&mutex_);
      while (run == nullptr) {
        if (stopping_) return;
        const absl::Duration left = due_.empty()
                                        ? absl::Hours(1)
                                        : due_.begin()->first - runtime::ProcessClock::Get().Now();
        if (left > absl::ZeroDuration()) {
          wake_.WaitFor(&mutex_, left);
        } else {
          run = std::move(due_.begin()->second);
          due_.erase(due_.begin());
        }
      }
    }
    run();
  }
}

}  // namespace meros::agent
