// A master's part in an election through the ensemble: what Candidacy (libs/coordination) and
// ZooKeeperElection (services/master/shell) do with threads, done with callbacks. It answers the
// core's questions for the lease in the registry's stead.
//
// Thread rule: thread-compatible.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "libs/simulation/world.h"
#include "meros/registry/v1/record.pb.h"
#include "services/master/core/effects.h"
#include "services/master/core/inputs.h"
#include "tests/simulation/ensemble_client.h"

namespace meros::simulation {

class Candidate {
 public:
  struct Ways {
    std::function<void(master::LeaseAnswer)> answer;  // to the core
    // To the registry; with `won` as the winner who asks for an epoch.
    std::function<void(master::Effect, std::optional<registry::v1::ElectionWin> won)> tell;
  };

  Candidate(NodeContext* context, Ensemble* ensemble, absl::Duration session_timeout,
            std::string address, Ways ways);

  static bool IsQuestion(const master::Effect& effect);
  // A newer question takes the place of one that waits.
  void Ask(master::Effect question);
  // What the registry says of an epoch.
  void Hear(master::LeaseAnswer answer);

  bool OnMessage(ConnectionId id, const std::string& bytes) { return client_.OnMessage(id, bytes); }
  bool OnClosed(ConnectionId id) { return client_.OnClosed(id); }

 private:
  void Next();
  // The question in progress is answered.
  void Finish();
  void Reply(uint64_t attempt, master::LeaseAnswer::Kind kind, const std::string& leader = "");
  void Resign();

  void On(const master::AcquireLease& question);
  void On(const master::RenewLease& question);
  void On(const master::ReleaseLease& release);
  void LookAtQueue(uint64_t attempt);
  // Then `proven` or an answer that we lead no more, or that nobody knows.
  void Prove(uint64_t attempt, std::function<void()> proven);

  EnsembleClient client_;
  const std::string address_;
  const Ways ways_;
  std::optional<master::Effect> question_;
  bool is_busy_ = false;
  std::string node_;
  uint64_t number_ = 0;  // of our node, once we lead
  int claims_failed_ = 0;
  uint64_t superseded_epoch_ = 0;
};

}  // namespace meros::simulation
