// The open streams of one kind, by the number under which the core knows them.
//
// Thread rule: thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "libs/base/ids.h"
#include "libs/base/mutex.h"

namespace meros::master {

// Numbers for streams of all kinds and for calls; unique in one process run.
class Numbers {
 public:
  uint64_t Next() { return next_.fetch_add(1, std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> next_{1};
};

template <typename Stream>
class StreamTable {
 public:
  void Add(StreamId id, std::shared_ptr<Stream> stream) {
    MutexLock lock(&mutex_);
    streams_.emplace(id, std::move(stream));
  }
  void Remove(StreamId id) {
    MutexLock lock(&mutex_);
    streams_.erase(id);
  }
  // Null if it has ended.
  std::shared_ptr<Stream> Find(StreamId id) const {
    MutexLock lock(&mutex_);
    auto it = streams_.find(id);
    return it == streams_.end() ? nullptr : it->second;
  }
  size_t size() const {
    MutexLock lock(&mutex_);
    return streams_.size();
  }
  void CloseAll(const absl::Status& status) const {
    std::vector<std::shared_ptr<Stream>> streams;
    {
      MutexLock lock(&mutex_);
      for (const auto& [id, stream] : streams_) streams.push_back(stream);
    }
    for (const auto& stream : streams) stream->Close(status);
  }

 private:
  mutable Mutex mutex_;
  absl::flat_hash_map<StreamId, std::shared_ptr<Stream>> streams_ MEROS_GUARDED_BY(mutex_);
};

}  // namespace meros::master
