// Callers that wait for the core's answer to a unary call.
//
// Thread rule: thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "libs/base/mutex.h"

namespace meros::master {

class ReplyTable {
 public:
  using Answer = std::function<void(const absl::Status& status)>;

  void Add(uint64_t call, Answer answer) {
    MutexLock lock(&mutex_);
    waiting_.emplace(call, std::move(answer));
  }

  // Answers and forgets; a call that is not there was answered before.
  void Finish(uint64_t call, const absl::Status& status) {
    Answer answer;
    {
      MutexLock lock(&mutex_);
      auto it = waiting_.find(call);
      if (it == waiting_.end()) return;
      answer = std::move(it->second);
      waiting_.erase(it);
    }
    answer(status);
  }

 private:
  Mutex mutex_;
  absl::flat_hash_map<uint64_t, Answer> waiting_ MEROS_GUARDED_BY(mutex_);
};

}  // namespace meros::master
