#include "services/master/shell/role_gauges.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

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

// What is set of the resources that the role's quota names, and what the role holds of them.
void AddQuota(const RoleConfig& config, const resources::ResourceQuantities& held,
              std::vector<telemetry::MetricRow>* rows) {
  const RoleQuota& quota = config.quota;
  std::set<resources::ResourceName> names;
  for (const auto& [name, amount] : quota.guarantees) names.insert(name);
  for (const auto& [name, limit] : quota.limits) names.insert(name);
  size_t shown = 0;
  for (const resources::ResourceName& name : names) {
    if (++shown > RoleGauges::kMaxResources) return;
    const auto add = [&](std::string what, resources::Scalar amount) {
      rows->push_back(
          {{config.role, std::string(name.text()), std::move(what)}, amount.ToDouble()});
    };
    if (const auto guarantee = quota.guarantees.Get(name); !guarantee.is_zero()) {
      add("guarantee", guarantee);
    }
    if (const auto limit = quota.limits.Get(name); limit.has_value()) add("limit", *limit);
    add("held", held.Get(name));
  }
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
          {.label = "role", .values_max = kMaxRoles})),
      quota_(registry->AddGaugeTable(
          "meros_master_role_quota",
          "Guarantee and limit of each resource that the role's quota names, and what the role and "
          "those below it hold of it, used or offered; memory and disk in MiB.",
          {"role", "resource", "what"})) {}

void RoleGauges::Measure(const ClusterView& view) {
  configured_.Set(view.roles().size());
  const auto roles = RolesOf(view, Reservations::kSkip);
  const resources::ResourceQuantities capacity = CapacityOf(view);
  const RoleConfig none;
  std::vector<telemetry::MetricRow> quotas;
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
    AddQuota(set, held, &quotas);
  }
  quota_.Replace(quotas);
  for (const std::string& name : written_) {
    if (roles.contains(name)) continue;
    share_.With(name).Set(0);
    guarantee_met_.With(name).Set(1);
    limit_used_.With(name).Set(0);
  }
}

}  // namespace meros::master
