// The transaction layer: one change of the master's books, or one result, applied to everything
// that the allocator keeps about them (mirror, refusals, candidates). A snapshot makes new books.
//
// Owner: services/allocator/core (Core). Thread rule: strand-confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "services/allocator/core/candidates.h"
#include "services/allocator/core/filters/refuse.h"
#include "services/allocator/core/gangs.h"
#include "services/allocator/core/hoarding.h"
#include "services/allocator/core/inverse_offers.h"
#include "services/allocator/core/messages.h"
#include "services/allocator/core/mirror.h"
#include "services/allocator/core/options.h"

namespace meros::allocator {

class Books {
 public:
  // Proposals with an id below `first_proposal` were made on other books.
  // `region` is that of the master; lotteries draw from `rng`.
  Books(const Options& options, uint64_t first_proposal, std::string region, Rng rng);

  // Applies what the master says.
  // ERRORS: FailedPrecondition if it contradicts the books (unknown framework or agent, more
  // recovered than held, an allocation for a proposal that was not accepted), InvalidArgument for a
  // weight that is none. The books must then be thrown away.
  absl::Status Apply(absl::Time now, Change change);

  // Applies the result of a proposal. What was rejected is not proposed to the same again before
  // `retry_at`. ERRORS: FailedPrecondition for a proposal that is not waiting for a result.
  absl::Status ApplyResult(const ProposalResult& result, absl::Time retry_at);

  // Ends refusals whose time has come.
  void ExpireFilters(absl::Time now);

  // Each allocation_interval: forgives what the master refused before, and marks the agents whose
  // turn it is to be swept.
  void BeginBatch();

  // Agents without which a run would see too much as free; 0: no waiting.
  uint64_t agents_expected() const { return agents_expected_; }

  // A number for one visit of an agent.
  uint64_t NextVisit() { return ++last_visit_; }

  // How many refusals were not taken since the last call because filters_max were in force.
  uint64_t TakeFiltersDropped() { return std::exchange(filters_dropped_, 0); }

  void CheckInvariants() const;

  // The parts, for the stages of a run.
  Mirror mirror;
  RefuseFilters filters;
  Candidates candidates;
  InverseOffers inverse_offers;
  Gangs gangs;
  Hoarding hoarding;

  // Gives what is set aside for a gang back when its time is over.
  void ExpireGangHold(absl::Time now);
  // How many proposals of gangs the master refused since the last call.
  uint64_t TakeGangsRejected() { return std::exchange(gangs_rejected_, 0); }

 private:
  absl::Status On(absl::Time now, UpsertFramework change);
  absl::Status On(absl::Time now, const RemoveFramework& change);
  absl::Status On(absl::Time now, UpsertAgent change);
  absl::Status On(absl::Time now, const RemoveAgent& change);
  absl::Status On(absl::Time now, const Allocate& change);
  absl::Status On(absl::Time now, const Recover& change);
  absl::Status On(absl::Time now, const Revive& change);
  absl::Status On(absl::Time now, const Suppress& change);
  absl::Status On(absl::Time now, const SetWeight& change);
  absl::Status On(absl::Time now, SetQuota change);
  absl::Status On(absl::Time now, ConfigureRole change);
  absl::Status On(absl::Time now, SetWhitelist change);
  absl::Status On(absl::Time now, const SetRecovery& change);
  absl::Status On(absl::Time now, const SettleInverseOffer& change);
  absl::Status On(absl::Time now, UpsertGang change);
  absl::Status On(absl::Time now, const RemoveGang& change);

  void Sweep();
  // What is set aside on the agent, or anywhere, is given back: what it was set aside for, or what
  // stood behind the decision, changes.
  void ReleaseGangHold(Agent* agent);
  void ReleaseGangHolds();
  // Consumption fell or the cluster changed: quota may leave more.
  void QuotaMayGiveWay();
  // Someone has answered who held as many offers as it may.
  void OffersMayFollow();
  void AddFilter(const Client& client, const Agent& agent, const Resources& refused,
                 absl::Time expires);
  // The proposal that an allocation says it came from; null for 0 and for those of other books.
  // ERRORS: FailedPrecondition if it was not accepted, or was for someone or somewhere else.
  absl::Status SettleProposal(const Allocate& change, const Tentative** settled);

  const absl::Duration refuse_max_ = absl::Hours(24 * 365);
  const uint64_t first_proposal_;
  const double sweep_part_;  // of all agents, each batch
  double sweep_due_ = 0;     // agents that are due but not swept yet
  AgentId swept_;            // the last one
  uint64_t agents_expected_ = 0;
  uint64_t filters_dropped_ = 0;
  uint64_t gangs_rejected_ = 0;
  uint64_t last_visit_ = 0;
};

}  // namespace meros::allocator
