#include "services/master/shell/role_gauges.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "services/master/view/role_view.h"

namespace meros::master {
namespace {

// The least part of a guaranteed resource that the role holds, at most 1; 1 without a guarantee.
double GuaranteeMet(const RoleConfig& config, const resources::ResourceQuantities& held) {
  double least = 1;
  for (const auto& [name, amount] : config.quota.guarantees) {
    least = std::min(least, held.Get(name).ToDouble() / amount.ToDouble());
  }
  return least;
}

// The largest part of a limit that the role holds; above 1 for one that was lowered; 0 without.
double LimitUsed(const RoleConfig& config, const resources::ResourceQuantities& held) {
  double most = 0;
  for (const auto& [name, limit] : config.quota.limits) {
    const double amount = held.Get(name).ToDouble();
    if (amount > 0) most = std::max(most, limit.is_zero() ? amount : amount / limit.ToDouble());
  }
  return most;
}

}  // namespace

RoleGauges::RoleGauges(telemetry::MetricRegistry* registry)
    : configured_(registry->AddGauge("meros_master_roles_configured",
                                     "Roles of which operators have set something.")),
      share_(registry->AddGaugeFamily(
          "meros_master_role_share",
          "Dominant share of the cluster that the role and those below it hold, from 0 to 1.",
          {.label = "role", .values_max = kMaxRoles})),
      guarantee_met_(registry->AddGaugeFamily(
          "meros_master_role_guarantee_met",
          "Least part of a guaranteed resource that the role holds, at most 1.",
          {.label = "role", .values_max = kMaxRoles})),
      limit_used_(registry->AddGaugeFamily(
          "meros_master_role_limit_used",
          "Largest part of a limited resource that the role holds; above 1: over its limit.",
          {.label = "role", .values_max = kMaxRoles})) {}

void RoleGauges::Measure(const ClusterView& view) {
  configured_.Set(view.roles().size());
  const auto roles = RolesOf(view, Reservations::kSkip);
  const resources::ResourceQuantities capacity = CapacityOf(view);
  const RoleConfig none;
  for (const auto& [name, role] : roles) {
    const auto config = view.roles().find(name);
    const bool is_configured = config != view.roles().end();
    if (!is_configured && absl::StrContains(name, '/')) continue;
    if (!written_.contains(name) && written_.size() >= kMaxRoles) continue;
    written_.insert(name);
    const RoleConfig& set = is_configured ? *config->second : none;
    const resources::ResourceQuantities held = role.used + role.offered;
    share_.With(name).Set(ShareOf(role, capacity).share);
    guarantee_met_.With(name).Set(GuaranteeMet(set, held));
    limit_used_.With(name).Set(LimitUsed(set, held));
  }
  for (const std::string& name : written_) {
    if (roles.contains(name)) continue;
    share_.With(name).Set(0);
    guarantee_met_.With(name).Set(1);
    limit_used_.With(name).Set(0);
  }
}

}  // namespace meros::master
