// What operators of a simulated cluster set of roles, and how they set it back.
//
// Thread rule: pure functions but for what they draw; thread-compatible.
#pragma once

#include <string>
#include <vector>

#include "libs/base/rng.h"
#include "meros/v1/master/operator/roles.pb.h"
#include "services/master/core/books.h"

namespace meros::simulation {

v1::master::UpdateQuotaRequest DrawQuota(const std::string& role, Rng* rng);
v1::master::UpdateWeightsRequest DrawWeight(const std::string& role, Rng* rng);
// Any of the settings that are neither.
v1::master::UpdateRolesRequest DrawPolicy(const std::string& role, Rng* rng);

// Up to all that there is is guaranteed to the first role.
v1::master::UpdateQuotaRequest DrawGuarantee(const std::vector<std::string>& roles,
                                             const master::Books& books, Rng* rng);
// All roles but the first are to give way to guarantees.
v1::master::UpdateRolesRequest AllPreemptible(const std::vector<std::string>& roles);

// The policy of a role as if nobody had ever set one.
v1::master::UpdateRolesRequest ForgetPolicy(const std::string& role);

}  // namespace meros::simulation
