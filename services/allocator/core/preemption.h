// Preemption: what to take back from roles that allow it, so that a role whose guarantee is not met
// gets it. Proposed to the master, which chooses among tasks and kills them with grace.
//
// A guarantee calls for preemption when it has been lacking for a while, somebody in the role wants
// offers, and nothing that is free (or about to be) could meet it. Victims are roles that are
// preemptible themselves or below one that is, outside of the role in need and of no higher
// priority; lowest priority first, then largest share. Nothing is taken that a victim's guarantee,
// or that of a role above it, covers.
//
// Owner: services/allocator/core (Core, one per mirror). Thread rule: strand-confined.
#pragma once

#include <utility>

#include "absl/container/btree_map.h"
#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "services/allocator/core/mirror.h"
#include "services/allocator/core/model.h"
#include "services/allocator/core/options.h"

namespace meros::allocator {

class Preemption {
 public:
  // Called each allocation_interval. Cost: O(roles); O(n log n) in holdings while something lacks.
  void Run(const Mirror& mirror, const Options& options, absl::Time now,
           absl::FunctionRef<void(PreemptionProposal)> emit);

  size_t pending() const { return pending_.size(); }

 private:
  using Key = std::pair<AgentId, HolderKey>;
  // Asked for and not given back yet.
  struct Pending {
    ResourceQuantities amount;
    ResourceQuantities held_before;
    absl::Time until;
  };
  // A role that has lacked something since then.
  using Needs = absl::btree_map<std::string, absl::Time>;

  ResourceQuantities DropSettled(const Mirror& mirror, absl::Time now);

  absl::btree_map<Key, Pending> pending_;
  Needs short_since_;
};

}  // namespace meros::allocator
