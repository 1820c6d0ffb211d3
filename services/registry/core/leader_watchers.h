// Who waits to hear of another leader (GetLeader with wait_ms). Anybody who may read can ask for
// that, so these have a bound of their own: however many wait, nobody who wants to lead is turned
// away for them.
//
// Thread rule: strand-confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/base/ids.h"

namespace meros::registry {

struct LeaderWatcher {
  StreamId stream;
  uint64_t request_id;
  uint64_t known_epoch;
  absl::Time deadline;
};

class LeaderWatchers {
 public:
  explicit LeaderWatchers(size_t max) : max_(max) {}

  // ERRORS: ResourceExhausted.
  absl::Status Add(const LeaderWatcher& watcher);
  // The session has ended, or the caller has gone.
  void Forget(StreamId stream);
  // Those that are to be answered now: their time is over, or `epoch` is another one than they
  // know. They wait no more. In the order of asking.
  std::vector<LeaderWatcher> TakeDue(absl::Time now, uint64_t epoch);
  // When the first one has waited long enough; infinite without any.
  absl::Time NextDeadline() const;
  size_t size() const { return watchers_.size(); }

 private:
  size_t max_;
  std::vector<LeaderWatcher> watchers_;  // in the order of asking
};

}  // namespace meros::registry
