// Roles as a table that shows the tree.
//
// Thread rule: pure functions; thread-safe.
#pragma once

#include <string>

#include "meros/v1/master/operator/roles.pb.h"

namespace meros::cli {

// One line a role, sub-roles indented below their parents:
//   ROLE    WEIGHT  PRIO  SHARE  GUARANTEE  LIMIT   USED    OFFERED  CONSUMED  FRAMEWORKS
//   eng     2       0     50%    cpus=4     cpus=8  cpus=2  cpus=2   cpus=4    1
//     web   ...
std::string RoleTable(const meros::v1::master::ListRolesResponse& response);

}  // namespace meros::cli
