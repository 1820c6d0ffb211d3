// Roles as the frameworks make them: a role exists while a framework is subscribed to it or holds
// something in it.
//
// Thread rule: pure functions; as the view.
#pragma once

#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "libs/resources/quantities.h"
#include "meros/v1/master/master_service.pb.h"
#include "services/master/view/cluster_view.h"

namespace meros::master {

struct RoleEntry {
  std::vector<FrameworkId> frameworks;      // subscribed, ordered by id
  resources::ResourceQuantities allocated;  // used or offered
};

// Cost: O(frameworks and their roles).
absl::btree_map<std::string, RoleEntry> RolesOf(const ClusterView& view);

void Encode(const std::string& name, const RoleEntry& role, v1::master::RoleView* out);

}  // namespace meros::master
