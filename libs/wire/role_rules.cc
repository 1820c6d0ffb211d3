#include "libs/wire/role_rules.h"

#include <cmath>
#include <map>
#include <utility>

#include "libs/base/status_macros.h"
#include "libs/resources/roles.h"

namespace meros::wire {
namespace {

using resources::ResourceName;
using resources::Scalar;

absl::StatusOr<Scalar> AmountOf(absl::string_view name, const v1::Value::Scalar& message,
                                const FieldPath& path) {
  if (name.empty()) return path.Fault("a resource name is empty");
  if (name == ResourceName::Ports().text() || name == ResourceName::EphemeralPorts().text()) {
    return path.Fault("is not a scalar, and only scalars can be counted");
  }
  const bool is_size = name == ResourceName::Mem().text() || name == ResourceName::Disk().text();
  const double most = is_size ? kMaxQuotaMegabytes : kMaxQuotaAmount;
  if (std::isfinite(message.value()) && message.value() > most) {
    return path.Fault("must be at most ", most, ", is ", message.value());
  }
  return ScalarFromProto(message, path);
}

// The entries of a map in the order of their names, so that errors do not depend on chance.
absl::StatusOr<std::map<std::string, Scalar>> AmountsOf(const QuantityMap& map,
                                                        const FieldPath& path,
                                                        absl::string_view name) {
  std::map<std::string, const v1::Value::Scalar*> sorted;
  for (const auto& [key, value] : map) sorted.emplace(key, &value);
  std::map<std::string, Scalar> amounts;
  for (const auto& [key, value] : sorted) {
    MEROS_ASSIGN_OR_RETURN(amounts[key], AmountOf(key, *value, path.Entry(name, key)));
  }
  return amounts;
}

}  // namespace

absl::StatusOr<Quota> QuotaFromProto(const v1::quota::QuotaConfig& message, const FieldPath& path) {
  if (message.role() == resources::kDefaultRole) {
    return path.Field("role").Fault("role * can have no quota");
  }
  MEROS_ASSIGN_OR_RETURN(const auto guarantees,
                         AmountsOf(message.guarantees(), path, "guarantees"));
  MEROS_ASSIGN_OR_RETURN(const auto limits, AmountsOf(message.limits(), path, "limits"));
  Quota quota;
  for (const auto& [name, amount] : limits) quota.limits.Set(ResourceName(name), amount);
  for (const auto& [name, amount] : guarantees) {
    const auto limit = limits.find(name);
    if (limit != limits.end() && limit->second < amount) {
      return path.Entry("limits", name)
          .Fault("must be at least the guarantee of ", amount.ToString(), ", is ",
                 limit->second.ToString());
    }
    if (!amount.is_zero()) quota.guarantees.Add(ResourceName(name), amount);
  }
  return quota;
}

absl::StatusOr<resources::ResourceQuantities> RoleQuantitiesFromProto(const QuantityMap& map,
                                                                      const FieldPath& path,
                                                                      absl::string_view name) {
  MEROS_ASSIGN_OR_RETURN(const auto amounts, AmountsOf(map, path, name));
  resources::ResourceQuantities quantities;
  for (const auto& [key, amount] : amounts) {
    if (amount.is_zero()) return path.Entry(name, key).Fault("must be above 0");
    quantities.Add(ResourceName(key), amount);
  }
  return quantities;
}

absl::Status ValidateWeight(const v1::WeightInfo& message, const FieldPath& path) {
  if (!message.has_weight()) return path.Field("weight").Fault("must be set");
  // Written so that NaN is refused too.
  if (message.weight() >= kMinRoleWeight && message.weight() <= kMaxRoleWeight) {
    return absl::OkStatus();
  }
  return path.Field("weight").Fault("must be from ", kMinRoleWeight, " to ", kMaxRoleWeight,
                                    ", is ", message.weight());
}

absl::StatusOr<std::vector<resources::ResourceQuantities>> RoleMinimumFromProto(
    const v1::OfferFilters::MinAllocatableResources& message, const FieldPath& path) {
  const auto& entries = message.quantities();
  if (entries.size() > kMaxRoleMinima) {
    return path.Field("quantities")
        .Fault("must have at most ", kMaxRoleMinima, " entries, has ", entries.size());
  }
  std::vector<resources::ResourceQuantities> any_of;
  for (int i = 0; i < entries.size(); ++i) {
    const FieldPath entry = path.Item("quantities", i);
    MEROS_ASSIGN_OR_RETURN(resources::ResourceQuantities amounts,
                           RoleQuantitiesFromProto(entries[i].quantities(), entry, "quantities"));
    if (amounts.empty()) return entry.Field("quantities").Fault("must not be empty");
    any_of.push_back(std::move(amounts));
  }
  return any_of;
}

absl::StatusOr<absl::Duration> OfferTimeoutFromProto(const v1::DurationInfo& message,
                                                     const FieldPath& path) {
  if (!message.has_nanoseconds()) return path.Field("nanoseconds").Fault("must be set");
  const absl::Duration timeout = absl::Nanoseconds(message.nanoseconds());
  if (timeout == absl::ZeroDuration()) return absl::InfiniteDuration();
  if (timeout >= kMinOfferTimeout && timeout <= kMaxOfferTimeout) return timeout;
  return path.Field("nanoseconds")
      .Fault("must be 0 (never) or from ", absl::FormatDuration(kMinOfferTimeout), " to ",
             absl::FormatDuration(kMaxOfferTimeout), ", is ", absl::FormatDuration(timeout));
}

absl::Status ValidateOffersInFlight(uint32_t offers, const FieldPath& path) {
  if (offers <= kMaxOffersInFlight) return absl::OkStatus();
  return path.Fault("must be at most ", kMaxOffersInFlight, ", is ", offers);
}

absl::Status ValidatePriority(int32_t priority, const FieldPath& path) {
  if (priority >= -kMaxRolePriority && priority <= kMaxRolePriority) return absl::OkStatus();
  return path.Fault("must be from ", -kMaxRolePriority, " to ", kMaxRolePriority, ", is ",
                    priority);
}

absl::Status ValidateConfiguredRole(const std::string& role, const FieldPath& path) {
  MEROS_RETURN_IF_ERROR(path.Field("role").Annotate(resources::ValidateRole(role)));
  if (role.size() <= kMaxConfiguredRoleBytes) return absl::OkStatus();
  return path.Field("role").Fault("must have at most ", kMaxConfiguredRoleBytes, " bytes, has ",
                                  role.size());
}

}  // namespace meros::wire
