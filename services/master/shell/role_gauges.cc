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
      share_(registry->AddGaugeTable(
          "meros_master_role_share",
          "Dominant share of the cluster that the role and those below it hold, from 0 to 1.",
          {"role"})),
      guarantee_met_(registry->AddGaugeTable(
          "meros_master_role_guarantee_met",
          "Least part of a guaranteed resource that the role holds, at most 1.", {"role"})),
      limit_used_(registry->AddGaugeTable(
          "meros_master_role_limit_used",
          "Largest part of a limited resource that the role holds; above 1: over its limit.",
          {"role"})),
      quota_(registry->AddGaugeTable(
          "meros_master_role_quota",
          "Guarantee and limit of each resource that the role's quota names, and what the role and "
          "those below it hold of it, used or offered; memory and disk in MiB.",
          {"role", "resource", "what"})) {}

void RoleGauges::Measure(const ClusterView& view) {
  configured_.Set(view.roles().size());
  const auto roles = RolesOf(view, Reservations::kSkip);
  const resources::ResourceQuantities capacity = CapacityOf(view);
  std::vector<telemetry::MetricRow> shares, guarantees_met, limits_used, quotas;
  const auto add = [&](const std::string& name, const RoleEntry& role, const RoleConfig& set) {
    if (shares.size() >= kMaxRoles) return;
    const resources::ResourceQuantities held = role.used + role.offered;
    shares.push_back({{name}, ShareOf(role, capacity).share});
    guarantees_met.push_back({{name}, GuaranteeMet(set, held)});
    limits_used.push_back({{name}, LimitUsed(set, held)});
    AddQuota(set, held, &quotas);
  };
  for (const auto& [name, set] : view.roles()) {
    if (const auto role = roles.find(name); role != roles.end()) add(name, role->second, *set);
  }
  for (const auto& [name, role] : roles) {
    const bool is_configured = view.roles().find(name) != view.roles().end();
    if (!is_configured && !absl::StrContains(name, '/')) add(name, role, RoleConfig());
  }
  share_.Replace(shares);
  guarantee_met_.Replace(guarantees_met);
  limit_used_.Replace(limits_used);
  quota_.Replace(quotas);
}

}  // namespace meros::master
