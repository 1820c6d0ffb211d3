// Which master a client dials next, and when: the configured ones in turn, backing off with jitter;
// at once the leader that a master names which does not lead, unless the masters disagree.
//
// It also remembers the master that was lost, so that the next one can be told. That one, should it
// take the lost one for the leader, answers when it knows of another (--leader_wait of the master);
// such an answer is as good as a delay, and the next delay starts small again.
//
//   Delay, Dial, then Accepted when the master took the client; Failed when the stream ended.
//
// Thread rule: thread-compatible.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/base/rng.h"
#include "libs/runtime/backoff.h"

namespace meros::runtime {

class LeaderSearch {
 public:
  // REQUIRES: `masters`, each host:port, is not empty.
  LeaderSearch(std::vector<std::string> masters, BackoffOptions backoff)
      : masters_(std::move(masters)), backoff_(backoff) {}

  // How long to wait before the next Dial; zero before the first one.
  absl::Duration Delay(Rng* rng);
  // Whom to dial, host:port.
  std::string Dial(absl::Time now);
  void Accepted();
  void Failed(absl::Time now, const absl::Status& why);

  // The last master that could not be reached or did not answer (UNAVAILABLE, DEADLINE_EXCEEDED);
  // empty when there was none since a master took the client.
  const std::string& lost_master() const { return lost_master_; }

 private:
  const std::vector<std::string> masters_;
  Backoff backoff_;
  size_t next_ = 0;  // index into masters_
  bool has_dialed_ = false;
  bool is_accepted_ = false;
  std::optional<std::string> hint_;
  int hints_followed_ = 0;  // in a row
  std::string dialed_;
  absl::Time dialed_at_ = absl::InfinitePast();
  std::string lost_master_;
};

}  // namespace meros::runtime
