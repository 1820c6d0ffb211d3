// Agents and frameworks that wait, at a master that does not lead, for the next leader.
//
// Who could not reach the leader says which one it lost. A master that still takes that one for the
// leader could only send the caller back to it, again and again until the election is over; so it
// keeps what the caller said, and answers when it knows of another leader or leads itself.
//
// Bounded in time (leader_wait: the fault may be the caller's way to a leader that lives, so that
// it must try again) and in number (max_deferred_inputs).
//
// Owner: MasterCore. Thread rule: strand-confined.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/master/core/inputs.h"

namespace meros::master {

class AwaitingLeader {
 public:
  AwaitingLeader(size_t limit, absl::Duration wait) : limit_(limit), wait_(wait) {}

  // Takes an input that opens the session of a caller who lost `leader`, or any if `leader` is
  // empty. Returns false, and leaves the input, when that is not so or too many wait already.
  bool Keep(absl::Time now, absl::string_view leader, Input* input);
  // The stream has ended. Cost: O(1); what was kept of it goes when its time is over.
  void Forget(StreamId stream) { streams_.erase(stream); }

  // What is to be answered, in the order it came: the first `max`; all whose time is over; all of
  // callers that lost another one than `leader`.
  std::vector<Input> Take(size_t max);
  std::vector<Input> TakeDue(absl::Time now);
  std::vector<Input> TakeOthersThan(absl::string_view leader);

  bool empty() const { return kept_.empty(); }
  size_t size() const { return kept_.size(); }  // with those whose stream has ended
  // When the first one's time is over.
  absl::Time NextDeadline() const {
    return kept_.empty() ? absl::InfiniteFuture() : kept_.front().until;
  }

 private:
  struct Kept {
    absl::Time until;
    std::string lost;
    Input input;
  };

  // Adds the input of the first one, unless its stream has ended.
  void TakeFirst(std::vector<Input>* taken);

  const size_t limit_;
  const absl::Duration wait_;
  std::deque<Kept> kept_;  // in the order of `until`
  absl::flat_hash_set<StreamId> streams_;
};

}  // namespace meros::master
