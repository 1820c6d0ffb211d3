// The report of a simulation: what everybody had in the snapshot beside what they have at the end.
//
// Thread rule: thread-compatible.
#pragma once

#include <string>

#include "absl/container/btree_map.h"
#include "meros/allocator/v1/what_if.pb.h"
#include "services/allocator/core/mirror.h"
#include "services/allocator/whatif/played_master.h"

namespace meros::allocator {

// What the snapshot shows.
class Before {
 public:
  struct Part {
    ResourceQuantities used;
    ResourceQuantities offered;
  };

  void AddOffered(const HolderKey& holder, const ResourceQuantities& amount);
  // The cluster as it was loaded, after all that is offered was added.
  void Look(const Mirror& mirror);

  const absl::btree_map<HolderKey, Part>& holders() const { return holders_; }
  // By role, with all its sub-roles.
  const absl::btree_map<std::string, Part>& roles() const { return roles_; }
  const ResourceQuantities& totals() const { return totals_; }
  const v1::WhatIfCluster& cluster() const { return cluster_; }

 private:
  absl::btree_map<HolderKey, Part> holders_;
  absl::btree_map<std::string, Part> roles_;
  ResourceQuantities totals_;
  ResourceQuantities offered_;
  v1::WhatIfCluster cluster_;
};

v1::WhatIfReport MakeReport(const Before& before, const PlayedMaster::Outcome& outcome,
                            const Mirror& mirror, bool with_agents);

}  // namespace meros::allocator
