// What operators may set of roles, as far as it depends on other roles and on the cluster. What can
// be judged by itself has been (libs/wire/role_rules.h).
//
// Thread rule: pure functions.
#pragma once

#include "absl/status/status.h"
#include "services/master/core/agent_book.h"
#include "services/master/core/framework_book.h"
#include "services/master/core/role_book.h"

namespace meros::master {

// Scalars of the agents that are here, and of those that the registry knows and that have not come
// back yet, by what they last said: a new leader must not refuse what the one before it allowed.
// Revocable resources do not count.
resources::ResourceQuantities CapacityOf(const AgentBook& agents);

// What the role and the roles below it hold, over all frameworks.
RoleUsage UsageOf(const FrameworkBook& frameworks, absl::string_view role);

// Guarantees fit into each other: those of sub-roles together are within the guarantee of the
// nearest role above them that has one, and no guarantee is above a limit over it.
// ERRORS: FailedPrecondition naming role, resource and both amounts.
absl::Status CheckTree(const RoleBook::Map& configs);

// What is guaranteed to all roles together: of a role its own guarantee or that of the roles below
// it. REQUIRES: CheckTree is OK.
resources::ResourceQuantities TotalGuarantees(const RoleBook::Map& configs);

// The rules that force overrides, for a change that leads from `before` to `after`:
//   - guarantees that grow stay within capacity;
//   - new limits are not below what is used, and reserved without being used;
//   - every resource that is newly named is one that some agent has, or one of the usual.
// ERRORS: FailedPrecondition saying by how much.
struct RoleFacts {
  const AgentBook& agents;
  const FrameworkBook& frameworks;
};
absl::Status CheckAgainstCluster(const RoleFacts& facts, const RoleBook::Map& before,
                                 const RoleBook::Map& after);

}  // namespace meros::master
