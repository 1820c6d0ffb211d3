// SimDisk: what one node finds again after a crash. Commits become durable in order, each some time
// after it was asked for; a crash keeps some prefix of those on the way, whether or not anyone was
// told.
//
//   kAtomic      a transaction, as SQLite gives: all or nothing
//   kTearable    plain files: the one commit that the crash hits may be kept in part, its last value cut
//
// Thread rule: thread-compatible. Outlives the incarnations of its node.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "libs/base/rng.h"
#include "libs/simulation/event_queue.h"
#include "libs/simulation/faults.h"

namespace meros::simulation {

class SimDisk {
 public:
  // A key and its new value, or none to erase it.
  using Write = std::pair<std::string, std::optional<std::string>>;
  using Writes = std::vector<Write>;
  using Done = std::function<void(const absl::Status&)>;
  enum class Atomicity { kAtomic, kTearable };

  SimDisk(EventQueue* events, const DiskFaults& faults, uint64_t seed);
  SimDisk(const SimDisk&) = delete;
  SimDisk& operator=(const SimDisk&) = delete;

  // Calls `done` when the writes are durable, or with ResourceExhausted when the disk is full, or
  // by chance also as SQLite fails otherwise: PermissionDenied, DataLoss, Unavailable. Then nothing
  // of them is. Never calls it after a crash.
  void Commit(Writes writes, Atomicity atomicity, Done done);

  // The durable contents: what a restarted node reads.
  const std::map<std::string, std::string>& contents() const { return contents_; }

  // The node died: decides what of the pending commits was kept.
  void Crash();
  // The machine lost its disk.
  void Wipe();
  // While full every commit fails, faults or not.
  void SetFull(bool is_full) { is_full_ = is_full; }
  // Turns random faults off.
  void Calm();

  size_t pending() const { return pending_.size(); }

 private:
  struct Pending {
    Writes writes;
    Atomicity atomicity;
    Done done;
    absl::Status result;
  };

  // The kinds come in turn, from one that depends on the seed: not drawn, so that a seed means the
  // same world as without them.
  absl::Status NextFailure();
  void Finish(uint64_t incarnation);
  void Apply(const Writes& writes);
  void ApplyTorn(const Writes& writes);

  EventQueue& events_;
  DiskFaults faults_;
  Rng rng_;
  uint64_t failures_;  // by chance, counted from the seed
  bool is_full_ = false;
  uint64_t incarnation_ = 0;
  absl::Time busy_until_ = absl::InfinitePast();
  std::map<std::string, std::string> contents_;
  std::deque<Pending> pending_;
};

}  // namespace meros::simulation
