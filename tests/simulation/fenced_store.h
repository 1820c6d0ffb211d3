// The registry's store in an ensemble, as libs/storage has it: who claims it serves it, every
// transaction moves a fence on from where the one before left it, and what became of a write
// without an answer is found out by the fence.
//
//   CLAIMING ──on_open──▶ OURS ⇄ away (its session ended, and nobody has claimed it since)
//       ▲                   └──on_over──▶ another claimed it, or it is open what became of a write
//       └─────────────────────────────────┘
//
// Thread rule: thread-compatible.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/simulation/world.h"
#include "libs/storage/store.h"
#include "tests/simulation/ensemble_client.h"

namespace meros::simulation {

struct FencedStoreEvents {
  // The store is ours; these are its rows.
  std::function<void(std::vector<storage::Row> rows)> on_open;
  // Until then nobody else can serve it.
  std::function<void(absl::Time until)> on_owned;
  // It is not ours any more, or its state is not known; commits on their way are not answered.
  std::function<void(const absl::Status& why)> on_over;
};

class FencedStore {
 public:
  FencedStore(NodeContext* context, Ensemble* ensemble, absl::Duration session_timeout,
              FencedStoreEvents events);

  // Begins to claim it.
  void Start();
  // REQUIRES: it is ours, and the commit before was answered.
  void Commit(std::vector<storage::Mutation> mutations, std::function<void(absl::Status)> done);

  bool OnMessage(ConnectionId id, const std::string& bytes) { return client_.OnMessage(id, bytes); }
  bool OnClosed(ConnectionId id) { return client_.OnClosed(id); }

 private:
  void Claim();
  void ClaimLater();
  // Whether a claim without an answer was done.
  void LookAtClaim();
  void Open(absl::Time proven);
  void Prove(uint64_t turn);
  // The session ended: another one is ours as long as the fence is.
  void TakeBack();
  void TryTakeBack();
  void TryTakeBackLater(const absl::Status& why);
  void BeBack(absl::Time proven);
  void Try();
  void GiveUp();
  // Another version of the fence: was it our own transaction that moved it?
  void LookAtFence();
  void Done();
  void Over(const absl::Status& why);

  NodeContext& context_;
  EnsembleClient client_;
  const FencedStoreEvents events_;
  const std::string claim_;  // of this process
  Rng rng_;
  uint64_t turn_ = 0;  // sessions under which it was ours; what an earlier one says is old
  bool is_ours_ = false;
  bool is_away_ = false;
  int fence_ = 0;
  std::vector<Ensemble::Op> transaction_;
  std::function<void(absl::Status)> done_;
  absl::Time deadline_;  // of the transaction
};

}  // namespace meros::simulation
