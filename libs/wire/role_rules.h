// What operators may ask to be set of roles, as far as the request alone can tell. What depends on
// other roles and on the cluster is the master's.
//
// ERRORS of all: InvalidArgument with the path of the offending field.
// Thread rule: pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/resources/quantities.h"
#include "libs/wire/field_path.h"
#include "libs/wire/resources_proto.h"
#include "meros/v1/common.pb.h"
#include "meros/v1/framework.pb.h"
#include "meros/v1/master.pb.h"
#include "meros/v1/quota/quota.pb.h"

namespace meros::wire {

// Roles in one call.
inline constexpr int kMaxRolesPerCall = 1000;
// Bytes in the name of a role of which something is set: that of a record.
inline constexpr size_t kMaxConfiguredRoleBytes = 512;
inline constexpr double kMinRoleWeight = 0.001;
inline constexpr double kMaxRoleWeight = 1e6;
inline constexpr int32_t kMaxRolePriority = 1000;
inline constexpr int kMaxRoleMinima = 16;
inline constexpr uint32_t kMaxOffersInFlight = 1'000'000;
inline constexpr absl::Duration kMinOfferTimeout = absl::Milliseconds(100);
inline constexpr absl::Duration kMaxOfferTimeout = absl::Hours(24 * 365);
// Of one resource: an exbibyte of memory or disk in MiB, and as many thousandths of cpus as can be
// counted with.
inline constexpr double kMaxQuotaMegabytes = 1099511627776.0;  // 2^40
inline constexpr double kMaxQuotaAmount = 1e12;

struct Quota {
  resources::ResourceQuantities guarantees;
  resources::ResourceLimits limits;
};

// Not "*"; amounts of scalars, finite, not negative, within the bounds above; no limit below the
// guarantee of its name. A guarantee of 0 is none.
absl::StatusOr<Quota> QuotaFromProto(const v1::quota::QuotaConfig& message, const FieldPath& path);

// Amounts of scalars, each above 0 and within the bounds above.
absl::StatusOr<resources::ResourceQuantities> RoleQuantitiesFromProto(const QuantityMap& map,
                                                                      const FieldPath& path,
                                                                      absl::string_view name);

absl::Status ValidateWeight(const v1::WeightInfo& message, const FieldPath& path);

// At most kMaxRoleMinima entries, each not empty and of amounts as above; without any, everything
// is worth offering.
absl::StatusOr<std::vector<resources::ResourceQuantities>> RoleMinimumFromProto(
    const v1::OfferFilters::MinAllocatableResources& message, const FieldPath& path);
// Within the bounds above; 0 is never, infinite here.
absl::StatusOr<absl::Duration> OfferTimeoutFromProto(const v1::DurationInfo& message,
                                                     const FieldPath& path);
absl::Status ValidateOffersInFlight(uint32_t offers, const FieldPath& path);

absl::Status ValidatePriority(int32_t priority, const FieldPath& path);

// The name of a role of which something is to be set.
absl::Status ValidateConfiguredRole(const std::string& role, const FieldPath& path);

// The number of items, their roles' names, and that no role is named twice.
template <typename Items>
absl::Status ValidateRoleList(const Items& items, const FieldPath& path, absl::string_view name) {
  if (items.empty() || items.size() > kMaxRolesPerCall) {
    return path.Field(name).Fault("must have 1 to ", kMaxRolesPerCall, " entries, has ",
                                  items.size());
  }
  std::set<absl::string_view> roles;
  for (int i = 0; i < items.size(); ++i) {
    const FieldPath item = path.Item(name, i);
    const absl::Status status = ValidateConfiguredRole(items[i].role(), item);
    if (!status.ok()) return status;
    if (!roles.insert(items[i].role()).second) {
      return item.Field("role").Fault("role ", items[i].role(), " is named twice");
    }
  }
  return absl::OkStatus();
}

}  // namespace meros::wire
