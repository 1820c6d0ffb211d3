#include "services/containerizer/shell/keyed_workers.h"

#include <pthread.h>

#include <utility>

namespace meros::containerizer {

KeyedWorkers::KeyedWorkers(int threads) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
}

KeyedWorkers::~KeyedWorkers() { Stop(); }

void KeyedWorkers::Post(const std::string& key, std::function<void()> job) {
  MutexLock lock(&mutex_);
  if (stopping_) return;
  auto& queue = jobs_[key];
  queue.push_back(std::move(job));
  if (queue.size() > 1) return;
  ready_.push_back(key);
  wake_.Signal();
}

void KeyedWorkers::Stop() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    ready_.clear();
    wake_.SignalAll();
  }
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void KeyedWorkers::Run() {
  ::pthread_setname_np(::pthread_self(), "worker");
  mutex_.Lock();
  while (true) {
    while (ready_.empty() && !stopping_) wake_.Wait(&mutex_);
    if (stopping_) break;
    const std::string key = std::move(ready_.front());
    ready_.pop_front();
    const std::function<void()> job = std::move(jobs_[key].front());
    mutex_.Unlock();
    job();
    mutex_.Lock();
    const auto at = jobs_.find(key);
    at->second.pop_front();
    if (at->second.empty()) {
      jobs_.erase(at);
    } else if (!stopping_) {
      ready_.push_back(key);
      wake_.Signal();
    }
  }
  mutex_.Unlock();
}

}  // namespace meros::containerizer
