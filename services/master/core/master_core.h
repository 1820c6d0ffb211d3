// The master as a deterministic state machine: inputs and the time in, effects out. It owns the
// books of one leadership, the lease, and nothing else; services/master/shell gives it streams, a
// registry, an allocator and a clock.
//
// What happens to an input depends on the state of leadership (leadership.h):
//   LEADING     it is handled;
//   FENCED      it is kept, in order, up to max_deferred_inputs, and handled when the lease is
//               renewed; a stream that brings more is cut;
//   otherwise   a stream is refused with FAILED_PRECONDITION (RECOVERING: UNAVAILABLE), the message
//               of which ends in "leader=HOST:PORT" when the leader is known; who lost that very
//               leader waits for the next (awaiting_leader.h);
//   a whitelist is heeded in all of them.
//
// Thread rule: strand-confined (runtime::CoreStrand).
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "libs/base/rng.h"
#include "services/master/core/awaiting_leader.h"
#include "services/master/core/books.h"
#include "services/master/core/effects.h"
#include "services/master/core/inputs.h"
#include "services/master/core/leadership.h"
#include "services/master/core/options.h"
#include "services/master/core/transaction.h"

namespace meros::master {

class MasterCore {
 public:
  using Input = master::Input;
  using Effect = master::Effect;

  // REQUIRES: options.Validate() is OK. `seed` makes ids and delays; shells take it from the
  // kernel.
  MasterCore(MasterOptions options, uint64_t seed);
  MasterCore(MasterCore&&) = default;

  void Step(absl::Time now, Input&& input, EffectList* out);
  absl::Time NextDeadline() const;
  void CheckInvariants() const {
    master::CheckInvariants(*state_->books);
    state_->awaiting_leader.CheckInvariants();
  }

  // For tests and simulation.
  const Books& books() const { return *state_->books; }
  LeadershipState leadership() const { return state_->leadership.state(); }
  uint64_t epoch() const { return state_->leadership.epoch(); }

 private:
  // On the heap, because transactions and leadership point into it and the core is moved.
  struct State {
    State(MasterOptions o, uint64_t seed)
        : options(std::move(o)),
          rng(seed),
          leadership(options.lease_ttl, options.fenced_max, &rng),
          books(std::make_unique<Books>(options.max_request_ids)),
          awaiting_leader(&options) {}

    const MasterOptions options;
    Rng rng;
    Leadership leadership;
    std::unique_ptr<Books> books;
    AwaitingLeader awaiting_leader;
    std::string awaited_besides;  // the leader, when these were last looked through
    std::deque<Input> deferred;
    uint64_t revision = 0;
    size_t published_recovering = 0;
    size_t published_held_back = 0;
  };

  Transaction Begin(absl::Time now, EffectList* out);
  void Obey(absl::Time now, Leadership::Verdict verdict, EffectList* out);
  void Dispatch(absl::Time now, Input&& input, EffectList* out);
  void Defer(Input&& input, EffectList* out);
  void Resume(absl::Time now, EffectList* out);
  void StepDown(absl::Time now, absl::Status why, EffectList* out);
  void FireTimers(absl::Time now, EffectList* out);
  void PublishLeadership(absl::Time now, EffectList* out);
  // Why a caller is sent away by a master that does not lead.
  absl::Status NotLeading() const;
  void Refuse(const Input& input, EffectList* out) const;
  // An input that is not handled: heeded if it is about what outlives leaderships, kept if it waits
  // for a leader, else refused.
  void GiveUp(absl::Time now, Input&& input, EffectList* out);
  // Refuses those that wait for a leader, as soon as that can be said, and asks agents for reports.
  void AnswerAwaiting(absl::Time now, EffectList* out);
  // Some of those that waited for this leader.
  void HandleAwaiting(absl::Time now, EffectList* out);
  // The agent is in session on a newer stream.
  bool IsOvertaken(const AgentReregister& message) const;
  absl::Time AwaitingDeadline() const;

  void On(absl::Time now, LeaseAnswer answer, EffectList* out);
  void On(absl::Time now, RegistrySnapshot snapshot, EffectList* out);
  void OnStop(absl::Time now, EffectList* out);
  // Whether the leader is one that this master may stand by for.
  absl::Status CheckRegion(const LeaseAnswer& answer) const;

  std::unique_ptr<State> state_;
};

}  // namespace meros::master
