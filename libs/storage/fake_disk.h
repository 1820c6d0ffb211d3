// A disk in memory that fails like a real one, and the Store on it. For tests of cores and for the
// simulation: whatever holds a FakeDisk decides when the machine crashes and what is lost.
//
// The store writes a log of checksummed frames, one per commit, and syncs it. A crash keeps what was
// synced and a random prefix of what was not (a torn write); opening replays the log and drops a torn
// tail. A flipped bit inside the synced part is DataLoss, never silence.
//
//   FakeDisk disk(seed);
//   auto store = disk.Open();
//   disk.SetFaults({.no_space = 0.01, .crash_before_sync = 0.001});
//
// Owner: the test or the simulation; it outlives its stores. Thread rule: thread-compatible.
// States: running ──crash (Crash(), or a drawn fault)──▶ crashed ──Open()──▶ running. Stores of before
// a crash answer Unavailable for ever.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/base/rng.h"
#include "libs/storage/store.h"

namespace meros::storage {

// Probabilities per commit, each from 0 to 1.
struct DiskFaults {
  double no_space = 0;           // ResourceExhausted, nothing written
  double io_error = 0;           // Unavailable, nothing kept
  double crash_before_sync = 0;  // written, not synced: lost, torn or kept, as luck has it
  double crash_after_sync = 0;   // durable, but the caller never hears of it
  double slow_sync = 0;          // takes up to slow_sync_max
  absl::Duration slow_sync_max = absl::Seconds(5);
};

class FakeDisk {
 public:
  explicit FakeDisk(uint64_t seed) : rng_(seed) {}
  FakeDisk(const FakeDisk&) = delete;
  FakeDisk& operator=(const FakeDisk&) = delete;

  // Starts the machine: replays the log. Stores opened earlier are invalid from now on.
  // ERRORS: DataLoss (a frame before the end fails its checksum).
  absl::StatusOr<std::unique_ptr<Store>> Open();

  void SetFaults(DiskFaults faults) { faults_ = faults; }
  // A full disk: every commit is refused until it is emptied.
  void SetFull(bool full) { full_ = full; }
  // Loses what was not synced.
  void Crash();
  // Flips one random bit of the synced log. REQUIRES: something was committed.
  void FlipBit();

  bool crashed() const { return crashed_; }
  // How long the last commit's sync took: virtual time, which the simulation adds to its clock.
  absl::Duration last_sync_time() const { return last_sync_time_; }
  size_t log_bytes() const { return log_.size(); }

 private:
  friend class FakeStore;

  absl::Status Append(const std::string& frame);

  Rng rng_;
  DiskFaults faults_;
  bool full_ = false;
  bool crashed_ = false;
  std::string log_;
  size_t synced_bytes_ = 0;
  uint64_t boots_ = 0;  // tells stores of different boots apart
  absl::Duration last_sync_time_;
};

}  // namespace meros::storage
