// The updates of one task on their way to its framework: in order, one at a time, each sent again
// until it is acknowledged. Durability is the owner's: it records what is pending before it sends.
//
//   Push ─▶ [front … back] ─▶ NextToSend ─▶ MarkSent ─▶ (silence: due again, ever more rarely)
//                ▲                                │
//                └──────── Acknowledge(uuid) ◀────┘
//
// Owner: Task. Thread rule: thread-compatible.
#pragma once

#include <deque>
#include <string>

#include "absl/time/time.h"
#include "meros/v1/task.pb.h"

namespace meros::agent {

struct RetryPolicy {
  absl::Duration initial;  // > 0
  absl::Duration maximum;  // >= initial
};

class UpdateStream {
 public:
  // REQUIRES: `status` has a uuid that no earlier one had.
  void Push(v1::TaskStatus status) { pending_.push_back(std::move(status)); }

  // The update that its framework should acknowledge next, or null.
  const v1::TaskStatus* front() const { return pending_.empty() ? nullptr : &pending_.front(); }
  const std::deque<v1::TaskStatus>& pending() const { return pending_; }
  bool empty() const { return pending_.empty(); }

  // Whether the front was sent since it became the front or since the last Restart().
  bool in_flight() const { return in_flight_; }

  // The front has been sent. Returns the delay after which it is to be sent again.
  // REQUIRES: !empty().
  absl::Duration MarkSent(const RetryPolicy& policy) {
    delay_ = in_flight_ ? std::min(delay_ * 2, policy.maximum) : policy.initial;
    in_flight_ = true;
    return delay_;
  }

  // A new session, or a new subscription of the framework: the front counts as not sent.
  void Restart() { in_flight_ = false; }

  // Removes the front if it is the update meant. False for anything else: a duplicate, an update
  // that was never sent, or one of an earlier life.
  [[nodiscard]] bool Acknowledge(const std::string& uuid) {
    if (pending_.empty() || pending_.front().uuid() != uuid) return false;
    pending_.pop_front();
    in_flight_ = false;
    return true;
  }

 private:
  std::deque<v1::TaskStatus> pending_;
  bool in_flight_ = false;
  absl::Duration delay_;
};

}  // namespace meros::agent
