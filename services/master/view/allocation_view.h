// The cluster as an allocator would be told it, out of what readers see: for operators who save it.
//
// Two things are not in the view, and are made of what is: the resources of a custom executor are
// charged to the framework whose tasks it runs on that agent (to the first by id where several
// frameworks have executors there), and what is on offer is known by framework and role, not by
// agent.
//
// Thread rule: value types and pure functions; as the view.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "libs/resources/quantities.h"
#include "libs/resources/resources.h"
#include "services/master/view/cluster_view.h"

namespace meros::master {

// Made of references to the view's records, so that it costs little and stays as it is while the
// view moves on.
struct AllocationView {
  using Holder = std::pair<FrameworkId, std::string>;  // with the role
  struct AgentPart {
    std::shared_ptr<const AgentRecord> record;
    absl::btree_map<Holder, resources::Resources> used;
  };
  struct OpenOffersPart {
    Holder holder;
    resources::ResourceQuantities amount;
  };

  uint64_t revision = 0;
  uint64_t epoch = 0;
  std::vector<RoleConfigRef> roles;
  std::vector<std::shared_ptr<const FrameworkRecord>> frameworks;  // not those that ended
  std::vector<AgentPart> agents;                                   // that an allocator knows
  std::vector<OpenOffersPart> open_offers;
};

// Cost: O(tasks, agents and frameworks).
AllocationView AllocationsOf(const ClusterView& view);

}  // namespace meros::master
