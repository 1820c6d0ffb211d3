// The gangs that frameworks wait for, in the order in which they were asked for, and what is set
// aside for one of them.
//
//              (1)              (3)                (4)
//   asked ──────────▶ WAITING ───────▶ PROPOSED ──────────▶ gone
//                      ▲ │ (2) ▲          │
//                      └─┘     └───(5)────┘
//
//   (1) the master says so; (2) its turn to hold comes, once: while it holds, whatever fits and
//   would be offered to somebody is set aside on the agents, until every bundle has its place or
//   gang_hold_max is over; (3) every bundle has a place: all are proposed in one message; (4) the
//   master says that it has ended, which it may say at any time; (5) the master rejects the
//   proposal; it is made anew from the next batch on.
//
// At most one gang holds, so two can never wait for each other with half of the cluster each. The
// set-aside itself stands in Mirror, one per agent; `places` says for which bundles it is. The two
// are changed together by Books and propose_gangs.cc.
//
// Owner: services/allocator/core (Books). Thread rule: strand-confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/time/time.h"
#include "services/allocator/core/mirror.h"
#include "services/allocator/core/model.h"

namespace meros::allocator {

enum class GangPhase : uint8_t { kWaiting, kProposed };

// How many of each bundle of a gang.
using BundleCounts = std::vector<uint32_t>;

struct Gang {
  GangState state;
  uint64_t serial = 0;  // unique within a mirror, never reused; smaller ones were asked for earlier
  GangPhase phase = GangPhase::kWaiting;
  absl::Time deadline;                         // when the master will drop it
  bool is_fresh = true;                        // nobody has looked for places yet
  absl::Time retry_at = absl::InfinitePast();  // not proposed again before
  std::optional<absl::Time> hold_until;        // unset: it has not held yet

  BundleCounts Wanted() const;
  size_t bundle_count() const;
};

class Gangs {
 public:
  bool empty() const { return gangs_.empty(); }
  size_t size() const { return gangs_.size(); }
  // By serial.
  const absl::btree_map<uint64_t, Gang>& all() const { return gangs_; }

  // A new gang, or another one of the same key, which goes to the end of the line. REQUIRES:
  // nothing is set aside for the key.
  void Put(absl::Time now, GangState state);
  // False if it is not known. REQUIRES: nothing is set aside for it.
  bool Remove(const GangKey& key);
  // REQUIRES: nothing is set aside for gangs of the framework.
  void DropFramework(const FrameworkId& framework);

  // A part of its proposal was rejected. True for the first part of a proposal.
  bool OnRejected(uint64_t serial, absl::Time retry_at);
  void OnProposed(Gang* gang) { gang->phase = GangPhase::kProposed; }

  // The gangs whose turn it is to be looked at, in order: those that nobody has looked at and, if
  // `more`, up to so many others, in turn.
  std::vector<Gang*> TakeTurns(size_t more);

  // --- Holding.
  Gang* holder();  // null: none
  const Gang* holder() const { return const_cast<Gangs*>(this)->holder(); }
  bool HoldsFor(const FrameworkId& framework) const;
  bool HoldsFor(const GangKey& key) const;
  // REQUIRES: nobody holds; the gang has not held before.
  void BeginHold(Gang* gang, absl::Time until);
  // REQUIRES: no places are left.
  void EndHold();
  // When the hold ends; InfiniteFuture if nobody holds.
  absl::Time NextDeadline() const;
  // Which bundles of the holder have a place, by agent; and which have none.
  const absl::btree_map<AgentId, BundleCounts>& places() const { return places_; }
  const BundleCounts& missing() const { return missing_; }
  void Place(const AgentId& agent, const BundleCounts& counts);
  void Unplace(const AgentId& agent);  // REQUIRES: placed

  // MEROS_CHECKs that places and missing bundles make up the gang, and that just what is set aside
  // in `mirror` has a place.
  void CheckInvariants(const Mirror& mirror) const;

 private:
  void Erase(uint64_t serial);

  absl::btree_map<uint64_t, Gang> gangs_;
  absl::btree_map<GangKey, uint64_t> by_key_;
  uint64_t last_serial_ = 0;
  uint64_t turn_ = 0;  // serial of the last one that had its turn

  uint64_t holder_ = 0;
  absl::btree_map<AgentId, BundleCounts> places_;
  BundleCounts missing_;
};

// Whether no bundle is left.
bool IsNone(const BundleCounts& counts);

}  // namespace meros::allocator
