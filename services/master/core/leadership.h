// Whether this master leads: the lease that the registry grants, and what may be done under it.
//
//              (1)           (2)            (3)
//   STANDBY ──────▶ ACQUIRING ───▶ RECOVERING ───▶ LEADING ⇄ FENCED
//      ▲  ▲             │ (4)          │ (5)         │ (5)  (6)  │ (5)
//      │  └─────────────┘              │             │           │
//      └───────────────────────────────┴─────────────┴───────────┘         any ──▶ STOPPING (7)
//
//   (1) time to ask;  (2) granted, with an epoch: read the records;  (3) they are here: serve;
//   (4) another holds it, or no answer;  (5) another got it, or the registry refuses our epoch: all
//   streams end, the books are void; or it was FENCED for longer than it may be;  (6) our time ran
//   out before the registry answered: FENCED; back to LEADING when it renews the same epoch;
//   (7) asked to stop: the lease is given back.
//
// Safety: the lease is counted from the moment of asking, so ours ends before the registry's.
// LEADING acts only until then. FENCED does nothing that anyone could see, but keeps books and
// streams, because a registry that comes back after a restart has promised not to grant the lease
// to another before a full ttl has passed, and renews an epoch that nobody took over: a slow or
// restarted registry costs a pause, no fail-over. Inputs that come meanwhile are kept (bounded) and
// handled afterwards. A pause is bounded too: it may be this master alone that is cut off, and
// whoever is connected to it must look for the one that leads meanwhile (ADR 0005).
//
// Thread rule: strand-confined.
#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/base/rng.h"
#include "services/master/core/effects.h"
#include "services/master/core/inputs.h"

namespace meros::master {

struct LeadershipTransition {
  LeadershipState from;
  LeadershipState to;
};
// Every allowed change; a test compares it with the picture above.
absl::Span<const LeadershipTransition> LeadershipTransitions();

class Leadership {
 public:
  // What the caller has to do about a change of state.
  enum class Verdict {
    kNone,
    kRecover,   // became RECOVERING: ask for the records
    kFence,     // became FENCED
    kResume,    // LEADING again, with the same epoch
    kStepDown,  // no longer leads: the books are void
  };

  Leadership(absl::Duration ttl, absl::Duration fenced_max, Rng* rng)
      : ttl_(ttl), fenced_max_(fenced_max), rng_(rng) {}

  // Called with every step, before anything else is done in it.
  Verdict OnTime(absl::Time now, EffectList* out);
  Verdict OnAnswer(absl::Time now, const LeaseAnswer& answer);
  // The records are read.
  void Lead();
  // The records could not be read; asked again at NextDeadline.
  // What could not be read because of a damaged record is tried rarely: people repair that.
  void RecoverLater(absl::Time now, const absl::Status& why);
  // The registry says that this epoch is over.
  Verdict Lost(absl::Time now);
  void Stop(EffectList* out);

  absl::Time NextDeadline() const;

  LeadershipState state() const { return state_; }
  bool may_act() const { return state_ == LeadershipState::kLeading; }
  uint64_t epoch() const { return epoch_; }
  // Who leads as far as known; empty if nobody is known.
  const std::string& leader_address() const { return leader_address_; }

 private:
  void Enter(LeadershipState state);
  void Ask(absl::Time now, EffectList* out);
  Verdict OnGranted(absl::Time now, const LeaseAnswer& answer);
  bool holds_lease() const {
    return state_ == LeadershipState::kRecovering || state_ == LeadershipState::kLeading ||
           state_ == LeadershipState::kFenced;
  }
  // Between two questions of a standby, or two tries of a renewal.
  absl::Duration RetryDelay();

  const absl::Duration ttl_;
  const absl::Duration fenced_max_;
  Rng* const rng_;

  LeadershipState state_ = LeadershipState::kStandby;
  uint64_t epoch_ = 0;
  std::string leader_address_;
  uint64_t attempt_ = 0;                        // number of the newest question
  absl::Time asked_at_ = absl::InfinitePast();  // when it was asked
  bool answered_ = true;
  absl::Time ask_next_ = absl::InfinitePast();     // when the next one is due
  absl::Time valid_until_ = absl::InfinitePast();  // our own view of the lease's end
  absl::Time fenced_until_ = absl::InfinitePast();  // while FENCED: steps down then
  absl::Time read_next_ = absl::InfiniteFuture();   // when the records are to be asked for again
};

}  // namespace meros::master
