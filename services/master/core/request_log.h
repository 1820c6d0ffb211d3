// Remembers the ids of the calls that were carried out, so that a call that a client repeats because the
// answer was lost acts once. Bounded: the oldest id is forgotten first.
//
// Thread rule: strand-confined.
#pragma once

#include <cstddef>
#include <deque>
#include <string>

#include "absl/container/flat_hash_set.h"

namespace meros::master {

class RequestLog {
 public:
  explicit RequestLog(size_t max_ids) : max_ids_(max_ids) {}

  // Records `id`. False if it was there: the call is a repetition. An empty id is never recorded.
  [[nodiscard]] bool Insert(const std::string& id) {
    if (id.empty()) return true;
    if (!ids_.insert(id).second) return false;
    order_.push_back(id);
    while (order_.size() > max_ids_) {
      ids_.erase(order_.front());
      order_.pop_front();
    }
    return true;
  }

  size_t size() const { return order_.size(); }

 private:
  const size_t max_ids_;
  absl::flat_hash_set<std::string> ids_;
  std::deque<std::string> order_;
};

}  // namespace meros::master
