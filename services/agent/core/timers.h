// The deadlines a core waits for, earliest first. Each key has at most one.
//
// Owner: AgentCore. Thread rule: thread-compatible.
#pragma once

#include <optional>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/time/time.h"

namespace meros::agent {

template <typename Key>
class Timers {
 public:
  // Replaces the key's deadline. An infinite one is none.
  void Set(const Key& key, absl::Time deadline) {
    Clear(key);
    if (deadline == absl::InfiniteFuture()) return;
    by_key_.emplace(key, deadline);
    by_time_.emplace(deadline, key);
  }

  void Clear(const Key& key) {
    auto it = by_key_.find(key);
    if (it == by_key_.end()) return;
    by_time_.erase({it->second, key});
    by_key_.erase(it);
  }

  bool Has(const Key& key) const { return by_key_.contains(key); }

  // Removes and returns one key whose deadline has come.
  std::optional<Key> PopDue(absl::Time now) {
    if (by_time_.empty() || by_time_.begin()->first > now) return std::nullopt;
    Key key = by_time_.begin()->second;
    Clear(key);
    return key;
  }

  absl::Time Next() const {
    return by_time_.empty() ? absl::InfiniteFuture() : by_time_.begin()->first;
  }

 private:
  absl::btree_map<Key, absl::Time> by_key_;
  absl::btree_set<std::pair<absl::Time, Key>> by_time_;
};

}  // namespace meros::agent
