// Roles as they are listed: those that frameworks are subscribed to or hold something in, that
// agents are reserved for, of which operators have set something, and all roles above such.
//
// Thread rule: pure functions; as the view.
#pragma once

#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "libs/resources/quantities.h"
#include "meros/v1/master/operator/roles.pb.h"
#include "services/master/view/cluster_view.h"

namespace meros::master {

struct RoleEntry {
  std::vector<FrameworkId> frameworks;      // subscribed, ordered by id
  resources::ResourceQuantities allocated;  // used or offered in this very role

  // Of the role and the roles below it.
  resources::ResourceQuantities used;
  resources::ResourceQuantities offered;
  resources::ResourceQuantities reserved;  // and neither used nor offered

  // What counts against the quota.
  resources::ResourceQuantities Consumed() const { return used + offered + reserved; }
};

enum class Reservations { kCount, kSkip };

// Cost: O(frameworks and their roles), and with reservations O(agents and what they have).
absl::btree_map<std::string, RoleEntry> RolesOf(const ClusterView& view, Reservations reservations);

// Scalars of the agents that are registered.
resources::ResourceQuantities CapacityOf(const ClusterView& view);

// Part of the resource of which most is held; the first of equals.
struct DominantShare {
  double share = 0;
  std::string resource;  // empty: nothing is held
};
DominantShare ShareOf(const RoleEntry& role, const resources::ResourceQuantities& capacity);

// `config` may be null.
void Encode(const std::string& name, const RoleEntry& role, const RoleConfig* config,
            const resources::ResourceQuantities& capacity, v1::master::RoleView* out);
void Encode(const RoleConfig& config, v1::master::RoleConfig* out);

}  // namespace meros::master
