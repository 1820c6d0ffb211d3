// An inverse offer: a framework is asked to give back what it holds on an agent, because the
// agent's machine is to go away. Immutable; it is in the InverseOfferBook or it is nowhere.
//
//   ── proposal committed ─▶ OUTSTANDING ─▶ accepted | declined | rescinded | expired | taken back
//
// A framework has one for an agent at most. Its answer is kept with the agent until the plan for it
// changes; a next one follows when the refusal is over. Before maintenance the answer is advice to
// the operator; a drain that may be delayed waits for it (agent_orders.h).
//
// Thread rule: offers are immutable; the book is strand-confined.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "libs/base/ids.h"
#include "meros/v1/agent.pb.h"
#include "services/master/core/maintenance.h"

namespace meros::master {

struct InverseOffer {
  uint64_t sequence = 0;  // counted with those of offers
  OfferId id;             // not guessable by other frameworks
  FrameworkId framework_id;
  AgentId agent_id;
  std::shared_ptr<const v1::AgentInfo> agent_info;  // as of the offer
  std::string agent_ip;                             // that it connected from, may be empty
  Unavailability unavailability;
  absl::Time made;
  absl::Time expires;  // InfiniteFuture: never
};
using InverseOfferRef = std::shared_ptr<const InverseOffer>;

// A pure index: changed by transaction.h, which tells the allocator.
class InverseOfferBook {
 public:
  // REQUIRES: id, sequence, and the pair of framework and agent are new.
  void Insert(InverseOfferRef offer);
  // REQUIRES: it is there.
  void Erase(uint64_t sequence);

  // Null if there is none.
  const InverseOffer* Find(const OfferId& id) const;
  const InverseOffer* Find(uint64_t sequence) const;
  const InverseOffer* Find(const FrameworkId& framework_id, const AgentId& agent_id) const;
  // Sequences, ordered.
  std::vector<uint64_t> Of(const FrameworkId& framework_id) const;
  std::vector<uint64_t> Of(const AgentId& agent_id) const;

  // In the order in which they were made.
  const absl::btree_map<uint64_t, InverseOfferRef>& all() const { return offers_; }

  void CheckInvariants() const;

 private:
  absl::btree_map<uint64_t, InverseOfferRef> offers_;
  absl::flat_hash_map<OfferId, uint64_t> sequence_by_id_;  // lookup only
  absl::btree_map<std::pair<FrameworkId, AgentId>, uint64_t> by_framework_;
  absl::btree_set<std::pair<AgentId, uint64_t>> by_agent_;
};

}  // namespace meros::master
