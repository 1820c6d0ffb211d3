#include "libs/wire/framework_rules.h"

#include <algorithm>
#include <map>

#include "libs/base/status_macros.h"
#include "libs/resources/roles.h"
#include "libs/wire/durations.h"
#include "libs/wire/launch_rules.h"
#include "libs/wire/limits.h"
#include "libs/wire/offer_constraints.h"
#include "libs/wire/resources_proto.h"

namespace meros::wire {
namespace {

using Capability = v1::FrameworkInfo::Capability;

bool Has(const std::vector<std::string>& sorted, const std::string& role) {
  return std::binary_search(sorted.begin(), sorted.end(), role);
}

// A map's entries by key, because the order of a hash map must not show in errors.
template <typename Value>
std::map<absl::string_view, const Value*> Sorted(
    const google::protobuf::Map<std::string, Value>& map) {
  std::map<absl::string_view, const Value*> sorted;
  for (const auto& [key, value] : map) sorted.emplace(key, &value);
  return sorted;
}

absl::Status CheckManyRoles(const v1::FrameworkInfo& info, const FieldPath& path) {
  if (info.has_role()) {
    return path.Field("role").Fault("must not be set with the capability MULTI_ROLE; use roles");
  }
  MEROS_RETURN_IF_ERROR(CheckCount(info.roles_size(), kMaxRolesPerFramework, path.Field("roles")));
  std::vector<std::string> sorted(info.roles().begin(), info.roles().end());
  std::sort(sorted.begin(), sorted.end());
  const auto repeated = std::adjacent_find(sorted.begin(), sorted.end());
  for (int i = 0; i < info.roles_size(); ++i) {
    const FieldPath item = path.Item("roles", i);
    MEROS_RETURN_IF_ERROR(item.Annotate(resources::ValidateRole(info.roles(i))));
    if (repeated != sorted.end() && info.roles(i) == *repeated) {
      return item.Fault("role '", *repeated, "' is given twice");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckRoles(const v1::FrameworkInfo& info, const FieldPath& path) {
  if (HasCapability(info, Capability::MULTI_ROLE)) return CheckManyRoles(info, path);
  if (info.roles_size() > 0) {
    return path.Field("roles").Fault("needs the capability MULTI_ROLE; use role");
  }
  return path.Field("role").Annotate(resources::ValidateRole(info.role()));
}

absl::Status CheckOfferFilters(const v1::FrameworkInfo& info, const FieldPath& path) {
  if (info.offer_filters().size() > static_cast<size_t>(kMaxOfferFiltersPerFramework)) {
    return path.Field("offer_filters")
        .Fault("must have at most ", kMaxOfferFiltersPerFramework, " entries");
  }
  for (const auto& [role, filters] : Sorted(info.offer_filters())) {
    const FieldPath entry = path.Entry("offer_filters", role);
    const FieldPath minimum = entry.Field("min_allocatable_resources");
    const auto& alternatives = filters->min_allocatable_resources().quantities();
    for (int i = 0; i < alternatives.size(); ++i) {
      const FieldPath item = minimum.Item("quantities", i);
      if (alternatives[i].quantities().empty()) {
        return item.Field("quantities").Fault("must not be empty");
      }
      MEROS_RETURN_IF_ERROR(
          QuantitiesFromProto(alternatives[i].quantities(), item, "quantities").status());
    }
  }
  return absl::OkStatus();
}

}  // namespace

bool HasCapability(const v1::FrameworkInfo& info, Capability::Type capability) {
  return std::any_of(info.capabilities().begin(), info.capabilities().end(),
                     [capability](const Capability& c) { return c.type() == capability; });
}

absl::Status ValidateFrameworkInfo(const v1::FrameworkInfo& info, const FieldPath& path) {
  MEROS_RETURN_IF_ERROR(CheckRoles(info, path));
  if (info.has_id() && !info.id().value().empty()) {
    MEROS_RETURN_IF_ERROR(CheckId(info.id(), path.Field("id")));
  }
  MEROS_RETURN_IF_ERROR(CheckOfferFilters(info, path));
  MEROS_RETURN_IF_ERROR(
      DurationFromSeconds(info.failover_timeout(), path.Field("failover_timeout")).status());
  MEROS_RETURN_IF_ERROR(CheckLabels(info.labels(), path.Field("labels")));
  MEROS_RETURN_IF_ERROR(CheckText(info.name(), kMaxNameBytes, path.Field("name")));
  MEROS_RETURN_IF_ERROR(CheckText(info.user(), kMaxNameBytes, path.Field("user")));
  MEROS_RETURN_IF_ERROR(CheckText(info.principal(), kMaxNameBytes, path.Field("principal")));
  MEROS_RETURN_IF_ERROR(CheckText(info.hostname(), kMaxNameBytes, path.Field("hostname")));
  return CheckText(info.webui_url(), kMaxNameBytes, path.Field("webui_url"));
}

std::vector<std::string> FrameworkRoles(const v1::FrameworkInfo& info) {
  if (!HasCapability(info, Capability::MULTI_ROLE)) return {info.role()};
  std::vector<std::string> roles(info.roles().begin(), info.roles().end());
  std::sort(roles.begin(), roles.end());
  return roles;
}

absl::Duration FailoverTimeout(const v1::FrameworkInfo& info) {
  const absl::StatusOr<absl::Duration> timeout =
      DurationFromSeconds(info.failover_timeout(), FieldPath());
  return timeout.ok() ? std::max(*timeout, absl::ZeroDuration()) : absl::ZeroDuration();
}

absl::Status ValidateSuppressedRoles(
    const google::protobuf::RepeatedPtrField<std::string>& suppressed,
    const std::vector<std::string>& roles, const FieldPath& path) {
  MEROS_RETURN_IF_ERROR(
      CheckCount(suppressed.size(), kMaxRolesPerFramework, path.Field("suppressed_roles")));
  for (int i = 0; i < suppressed.size(); ++i) {
    if (!Has(roles, suppressed[i])) {
      return path.Item("suppressed_roles", i)
          .Fault("the framework has no role '", suppressed[i], "'");
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateOfferConstraints(const v1::scheduler::OfferConstraints& constraints,
                                      const std::vector<std::string>& roles, const FieldPath& path,
                                      const resources::RegexLimits& limits) {
  for (const auto& [role, role_constraints] : Sorted(constraints.role_constraints())) {
    const FieldPath entry = path.Entry("role_constraints", role);
    if (!Has(roles, std::string(role))) return entry.Fault("the framework has no such role");
    MEROS_RETURN_IF_ERROR(AgentConstraintsFromProto(*role_constraints, entry, limits).status());
  }
  return absl::OkStatus();
}

}  // namespace meros::wire
