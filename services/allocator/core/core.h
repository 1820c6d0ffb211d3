// The allocator: follows the books of one master and proposes who should be offered what.
//
//                 Hello accepted                 SnapshotBegin             SnapshotEnd
//   (1) kNoMaster ────────────▶ (2) kAwaiting ─────────────▶ (3) kLoading ───────────▶ (4) kReady
//        ▲                            ▲                           │                        │
//        │ stream closed              └───────────────────────────┴────────────────────────┘
//        └── from any state              what came did not fit: NeedSnapshot, paced
//
//   (1) nothing is known; (2) nothing is known, changes and results are ignored until a snapshot
//   begins, which is asked for again when it does not; (3) the snapshot is being applied, nothing
//   is proposed; (4) changes are followed and runs happen. A SnapshotBegin starts (3) anew from (3)
//   and (4), too.
//
// Runs happen only on ticks: at once after events, but never closer than event_interval, so that
// what arrives together is one run. They look at the agents that events have marked. Each
// allocation_interval those are marked that the master had refused before, and a few in turn (see
// Options::sweep_interval).
//
// Epochs fence masters off: see OnHello.
//
// Owner: services/allocator. Thread rule: strand-confined.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/base/ids.h"
#include "libs/base/rng.h"
#include "libs/runtime/tick.h"
#include "services/allocator/core/books.h"
#include "services/allocator/core/messages.h"
#include "services/allocator/core/options.h"
#include "services/allocator/core/preemption.h"
#include "services/allocator/core/propose.h"

namespace meros::allocator {

enum class Phase : uint8_t { kNoMaster, kAwaiting, kLoading, kReady };
inline constexpr size_t kRejectReasonCount = 7;

// Counted since the start of the process.
struct Stats {
  uint64_t batch_runs = 0;
  uint64_t event_runs = 0;
  RunReport last_run;
  std::array<uint64_t, kGateCount> gates = {};  // sums of RunReport::gates
  uint64_t proposals = 0;
  std::array<uint64_t, kRejectReasonCount> results = {};  // by reason; kNone: accepted
  uint64_t snapshots = 0;                                 // loaded to the end
  uint64_t mirror_resets = 0;     // mirrors lost because something did not fit
  uint64_t sessions = 0;          // masters taken
  uint64_t sessions_refused = 0;  // for their epoch or for what they sent
  uint64_t filters_dropped = 0;   // refusals not taken because filters_max were in force
  uint64_t inverse_offers = 0;
  uint64_t preemptions = 0;  // proposed
  uint64_t hoardings = 0;    // frameworks that began to hoard
  uint64_t gangs_proposed = 0;
  uint64_t gangs_rejected = 0;  // proposals of gangs that the master did not take
};

class Core {
 public:
  using Input = std::variant<FrameReceived, StreamClosed, ExplainAsked, runtime::Tick>;
  using Effect =
      std::variant<SendWelcome, SendProposal, SendGangProposal, SendInverseOffer, SendPreemption,
                   SendNeedSnapshot, CloseStream, Explained, HoardingNoticed>;
  using Effects = std::vector<Effect>;

  // REQUIRES: options.Validate() is OK.
  Core(Options options, Rng rng);

  void Step(absl::Time now, Input input, Effects* out);
  absl::Time NextDeadline() const;
  void CheckInvariants() const;

  Phase phase() const { return phase_; }
  uint64_t version() const { return version_; }
  const Stats& stats() const { return stats_; }
  // Null without a mirror.
  const Books* books() const { return books_.get(); }

 private:
  void On(absl::Time now, FrameReceived frame, Effects* out);
  void On(absl::Time now, const StreamClosed& closed, Effects* out);
  void On(absl::Time now, const ExplainAsked& asked, Effects* out);
  void On(absl::Time now, runtime::Tick tick, Effects* out);

  // Messages of the present master.
  void OnMessage(absl::Time now, const Hello& hello, Effects* out);
  void OnMessage(absl::Time now, const SnapshotBegin& begin, Effects* out);
  void OnMessage(absl::Time now, const SnapshotEnd& end, Effects* out);
  void OnMessage(absl::Time now, Delta delta, Effects* out);
  void OnMessage(absl::Time now, const ProposalResult& result, Effects* out);
  void OnMessage(absl::Time now, const UnknownMessage& unknown, Effects* out);
  void OnMessage(absl::Time now, const UnreadableDelta& unreadable, Effects* out);

  // Takes or refuses a new master by its epoch: the highest ever seen wins; a lower one is refused
  // FAILED_PRECONDITION; the same one is refused ALREADY_EXISTS unless it is the same master again,
  // on a new stream. Whoever loses the session gets ABORTED.
  void OnHello(absl::Time now, StreamId stream, const Hello& hello, Effects* out);
  absl::Status CheckHello(const Hello& hello) const;
  // Ends a stream that said something it must not; later frames of it are ignored.
  void Refuse(StreamId stream, absl::Status status, Effects* out);

  void LoseMirror(absl::Time now, const std::string& reason, Effects* out);
  void AskForSnapshot(absl::Time now, const std::string& reason, Effects* out);
  enum class Look : uint8_t { kAtMarked, kAtAll };
  // `gangs`: whether all agents are looked at for gangs.
  void RunAllocation(absl::Time now, Look gangs, Effects* out);
  // Asks for what is not free: what agents that go away hold, and what guarantees lack.
  void RunRequests(absl::Time now, Effects* out);
  bool WaitsForResults() const;
  // Whether too many agents are missing after a fail-over to see what is free.
  bool WaitsForAgents(absl::Time now) const;
  absl::Time RecoveryEnd() const { return session_began_ + options_.recovery_timeout; }

  const Options options_;
  Rng rng_;
  const Rng lottery_rng_;  // each mirror's lotteries begin from it
  Stats stats_;

  // The session.
  Phase phase_ = Phase::kNoMaster;
  StreamId stream_ = 0;  // of the present master; 0 = none
  std::string master_id_;
  std::string region_;
  absl::Time session_began_;
  uint64_t epoch_ = 0;  // highest ever
  absl::btree_set<StreamId> refused_;

  // The mirror.
  std::unique_ptr<Books> books_;
  Preemption preemption_;
  uint64_t version_ = 0;
  absl::Time ready_since_;
  std::string loss_;                            // why the last mirror was lost
  absl::Time ask_at_ = absl::InfiniteFuture();  // when a snapshot is asked for (again)
  absl::Duration ask_backoff_;                  // before the next loss is reported

  // Runs.
  uint64_t next_proposal_ = 1;
  absl::Time batch_at_ = absl::InfiniteFuture();
  absl::Time earliest_run_ = absl::InfinitePast();
};

}  // namespace meros::allocator
