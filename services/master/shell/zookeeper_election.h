// Election through ZooKeeper: answers the core's questions for the lease in the registry's stead.
//
//   core ──AcquireLease──▶ are we the first in the queue?
//            no:  held by other, whose address its node tells
//            yes: the registry is asked for an epoch (AcquireLease with `won`); its answer is ours
//   core ──RenewLease────▶ the write to our node that proves it; the registry's lease is renewed
//                          beside it, so that nobody is granted it who waits for it there
//
// The lease lasts half a session from the moment of asking. Epochs are the registry's in any case:
// they grow, and whatever writes with an older one is refused. A leader whose registry is away goes
// on; who is first and gets no epoch for some tries queues behind the others, one of which may
// reach the registry.
//
// Owner: MasterShell. Thread rule: thread-safe; beside it runs a thread that waits for ZooKeeper.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/base/mutex.h"
#include "libs/coordination/candidacy.h"
#include "meros/registry/v1/record.pb.h"
#include "services/master/core/effects.h"
#include "services/master/core/inputs.h"

namespace meros::master {

// What the election wants of the registry.
class EpochSource {
 public:
  virtual ~EpochSource() = default;
  // Asks for an epoch; the LeaseAnswer comes through ZooKeeperElection::Answer.
  virtual void Claim(const AcquireLease& question, const registry::v1::ElectionWin& won) = 0;
  // Renews, or gives back. An answer comes the same way.
  virtual void Tell(Effect renewal_or_release) = 0;
};

class ZooKeeperElection {
 public:
  using Post = std::function<void(Input input)>;

  // `epochs` outlives this.
  ZooKeeperElection(coordination::CandidacyOptions options, Post post, EpochSource* epochs);
  ~ZooKeeperElection() { Stop(); }

  // AcquireLease, RenewLease or ReleaseLease of the core. A newer question takes the place of one
  // that waits.
  void Ask(Effect question);
  static bool IsQuestion(const Effect& effect);

  // What the registry says of an epoch.
  void Answer(LeaseAnswer answer);

  // Leaves the queue. Idempotent.
  void Stop();

  // Why we are not in the queue; OK while we are.
  absl::Status problem() const;

 private:
  void Run();
  void On(const AcquireLease& question);
  void On(const RenewLease& question);
  void On(const ReleaseLease& release);
  // Whether somebody else should try to get an epoch.
  bool TakesTooLong();
  bool IsSuperseded(uint64_t epoch) const;
  // `leader`: what the leader's node says.
  void Reply(uint64_t attempt, LeaseAnswer::Kind kind, const std::string& leader = "");
  void SetProblem(const absl::Status& problem);

  const std::string election_;  // the same text at all masters
  const Post post_;
  EpochSource* const epochs_;
  coordination::Candidacy candidacy_;  // the thread's

  mutable Mutex mutex_;
  CondVar changed_;
  std::optional<Effect> question_ MEROS_GUARDED_BY(mutex_);
  bool stopping_ MEROS_GUARDED_BY(mutex_) = false;
  uint64_t superseded_epoch_ MEROS_GUARDED_BY(mutex_) = 0;  // up to it, the registry says
  int claims_failed_ MEROS_GUARDED_BY(mutex_) = 0;    // one after another
  absl::Status problem_ MEROS_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace meros::master
