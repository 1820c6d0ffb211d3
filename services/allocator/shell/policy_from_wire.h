// What operators and frameworks say about policy (policy.proto), read into model types.
//
// ERRORS of all: InvalidArgument with the path of the field.
// Owner: services/allocator/shell. Thread rule: pure functions; thread-safe.
#pragma once

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "libs/wire/field_path.h"
#include "meros/allocator/v1/policy.pb.h"
#include "services/allocator/core/messages.h"

namespace meros::allocator {

// Calls `visit` for each amount of the message.
absl::Status ReadQuantities(
    const v1::Quantities& quantities, const wire::FieldPath& path,
    absl::FunctionRef<void(const resources::ResourceName&, resources::Scalar)> visit);

absl::StatusOr<ResourceQuantities> ReadAmounts(const v1::Quantities& message,
                                               const wire::FieldPath& path);
absl::StatusOr<std::string> ReadRole(const std::string& text, const wire::FieldPath& path);
absl::StatusOr<MinAllocatable> ReadMinAllocatable(const v1::MinAllocatable& message,
                                                  const wire::FieldPath& path);

absl::StatusOr<Change> ReadPolicy(const v1::RoleWeight& message, const wire::FieldPath& path);
absl::StatusOr<Change> ReadPolicy(const v1::RoleQuota& message, const wire::FieldPath& path);
absl::StatusOr<Change> ReadPolicy(const v1::RoleConfig& message, const wire::FieldPath& path);
absl::StatusOr<Change> ReadPolicy(const v1::Whitelist& message, const wire::FieldPath& path);
absl::StatusOr<Change> ReadPolicy(const v1::RecoveryProgress& message, const wire::FieldPath& path);
absl::StatusOr<Change> ReadPolicy(const v1::InverseOfferResult& message,
                                  const wire::FieldPath& path);
absl::StatusOr<Maintenance> ReadMaintenance(const v1::Maintenance& message,
                                            const wire::FieldPath& path);

}  // namespace meros::allocator
