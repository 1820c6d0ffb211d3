// Remembers the answers to calls with a request id, so that a call that a client repeats because
// the answer was lost acts once and is answered the same. Bounded in time and number: an id is
// forgotten after kRequestMemory, and the oldest before that when there are too many.
//
// Thread rule: strand-confined.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/time/time.h"

namespace meros::master {

// What the public API promises (scheduler_service.proto, master_service.proto).
inline constexpr absl::Duration kRequestMemory = absl::Minutes(10);

class RequestLog {
 public:
  explicit RequestLog(size_t max_ids) : max_ids_(max_ids) {}

  // The first answer to this id; null if there is none, which is always so for the empty id.
  const absl::Status* Find(const std::string& id, absl::Time now) {
    Forget(now);
    auto it = answers_.find(id);
    return it == answers_.end() ? nullptr : &it->second;
  }

  // The empty id is not recorded. REQUIRES: the id is not there.
  void Record(const std::string& id, absl::Status answer, absl::Time now) {
    if (id.empty()) return;
    answers_.emplace(id, std::move(answer));
    order_.emplace_back(now, id);
    Forget(now);
  }

  size_t size() const { return order_.size(); }

 private:
  void Forget(absl::Time now) {
    while (!order_.empty() &&
           (order_.size() > max_ids_ || now - order_.front().first >= kRequestMemory)) {
      answers_.erase(order_.front().second);
      order_.pop_front();
    }
  }

  const size_t max_ids_;
  absl::flat_hash_map<std::string, absl::Status> answers_;  // lookup only
  std::deque<std::pair<absl::Time, std::string>> order_;
};

}  // namespace meros::master
