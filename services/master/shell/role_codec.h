// What is set of roles between the core, the registry's records and the calls of operators.
//
// Thread rule: pure functions; thread-safe.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "meros/registry/v1/registry_service.pb.h"
#include "meros/v1/master/operator/roles.pb.h"
#include "services/master/core/inputs.h"

namespace meros::master {

// A put, or for a default one a delete.
registry::v1::Mutation EncodeRole(const RoleConfig& config);
// ERRORS: InvalidArgument saying what cannot be read.
absl::StatusOr<RoleConfigRef> DecodeRole(const std::string& role, const std::string& value);

// Calls of operators, checked as libs/wire/role_rules.h says, without the number of the caller.
// ERRORS: InvalidArgument with the path of the offending field.
absl::StatusOr<OperatorUpdateRoles> DecodeCall(const v1::master::UpdateQuotaRequest& request);
absl::StatusOr<OperatorUpdateRoles> DecodeCall(const v1::master::UpdateWeightsRequest& request);
absl::StatusOr<OperatorUpdateRoles> DecodeCall(const v1::master::UpdateRolesRequest& request);

}  // namespace meros::master
