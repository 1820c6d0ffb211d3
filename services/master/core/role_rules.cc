#include "services/master/core/role_rules.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/strings/str_cat.h"
#include "libs/resources/roles.h"

namespace meros::master {
namespace {

using resources::ResourceName;
using resources::ResourceQuantities;
using resources::Scalar;

constexpr absl::string_view kForceHint = "; force sets it all the same";

bool IsUsual(const ResourceName& name) {
  return name == ResourceName::Cpus() || name == ResourceName::Mem() ||
         name == ResourceName::Disk() || name == ResourceName::Gpus();
}

// What a recovered agent said when the registry heard of it.
void AddLastSaid(const v1::AgentInfo& info, ResourceQuantities* sum) {
  for (const v1::Resource& resource : info.resources()) {
    if (resource.type() != v1::Value::SCALAR || resource.has_revocable()) continue;
    const auto amount = Scalar::FromDouble(resource.scalar().value());
    if (amount.ok()) sum->Add(ResourceName(resource.name()), *amount);
  }
}

// The nearest role above `role` that is in `configs`; empty if there is none.
std::string ConfiguredAncestor(const RoleBook::Map& configs, absl::string_view role) {
  for (absl::string_view up = resources::ParentRole(role); !up.empty();
       up = resources::ParentRole(up)) {
    if (configs.contains(up)) return std::string(up);
  }
  return "";
}

size_t Depth(absl::string_view role) { return std::count(role.begin(), role.end(), '/'); }

// Deepest first, so that what is below a role is known when the role's turn comes.
std::vector<RoleConfigRef> BottomUp(const RoleBook::Map& configs) {
  std::vector<RoleConfigRef> order;
  for (const auto& [role, config] : configs) order.push_back(config);
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return Depth(a->role) > Depth(b->role); });
  return order;
}

// What must be guaranteed for a role: its own guarantee, or without one that of the roles below it.
const ResourceQuantities& Guaranteed(const RoleConfig& config, const ResourceQuantities& below) {
  return config.quota.guarantees.empty() ? below : config.quota.guarantees;
}

// The sums of guarantees below each role; "" has the total.
absl::btree_map<std::string, ResourceQuantities> SumsBelow(const RoleBook::Map& configs) {
  absl::btree_map<std::string, ResourceQuantities> below;
  for (const RoleConfigRef& config : BottomUp(configs)) {
    const ResourceQuantities guaranteed = Guaranteed(*config, below[config->role]);
    below[ConfiguredAncestor(configs, config->role)] += guaranteed;
  }
  return below;
}

absl::Status CheckRole(const RoleConfig& config, const ResourceQuantities& below) {
  for (const auto& [name, amount] : below) {
    const Scalar own = config.quota.guarantees.Get(name);
    if (!config.quota.guarantees.empty() && amount > own) {
      return absl::FailedPreconditionError(
          absl::StrCat("guarantees: of ", name.text(), ", role ", config.role, " is guaranteed ",
                       own.ToString(), " and the roles below it ", amount.ToString(), ", which is ",
                       (amount - own).ToString(), " too much"));
    }
  }
  for (const auto& [name, amount] : Guaranteed(config, below)) {
    const auto limit = config.quota.limits.Get(name);
    if (limit.has_value() && amount > *limit) {
      return absl::FailedPreconditionError(absl::StrCat(
          "limits: of ", name.text(), ", role ", config.role, " is limited to ", limit->ToString(),
          ", and it or the roles below it are guaranteed ", amount.ToString()));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckName(const ResourceQuantities& capacity, const std::string& role,
                       absl::string_view field, const ResourceName& name) {
  if (IsUsual(name) || !capacity.Get(name).is_zero()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(field, ": no agent has a scalar resource '",
                                                    name.text(), "', named for role ", role,
                                                    kForceHint));
}

absl::Status CheckNames(const ResourceQuantities& capacity, const RoleConfig& before,
                        const RoleConfig& after) {
  const std::string& role = after.role;
  absl::Status status;
  for (const auto& [name, amount] : after.quota.guarantees) {
    if (before.quota.guarantees.Get(name).is_zero()) {
      status.Update(CheckName(capacity, role, "guarantees", name));
    }
  }
  for (const auto& [name, amount] : after.quota.limits) {
    if (!before.quota.limits.Get(name)) status.Update(CheckName(capacity, role, "limits", name));
  }
  for (const auto& [name, amount] : after.policy.offer_max) {
    if (before.policy.offer_max.Get(name).is_zero()) {
      status.Update(CheckName(capacity, role, "offer_max", name));
    }
  }
  if (after.policy.min_allocatable == before.policy.min_allocatable) return status;
  for (const ResourceQuantities& least : after.policy.min_allocatable.value_or(MinAllocatable())) {
    for (const auto& [name, amount] : least) {
      status.Update(CheckName(capacity, role, "min_allocatable", name));
    }
  }
  return status;
}

// Reserved for the role and the roles below it, and used by nobody.
ResourceQuantities IdleReservations(const AgentBook& agents, const std::string& role) {
  const auto is_reserved = [&](const resources::Resource& resource) {
    if (!resource.is_reserved() || resource.is_revocable()) return false;
    const std::string& owner = resource.metadata()->reservations.back().role;
    return owner == role || resources::IsAncestorRole(role, owner);
  };
  ResourceQuantities sum;
  for (const auto& [sequence, agent] : agents.all()) {
    if (!agent->is_live()) continue;
    const resources::Resources reserved = agent->record.total.Filter(is_reserved);
    if (reserved.empty()) continue;
    sum += reserved.ScalarQuantities();
    sum -= agent->record.used.Filter(is_reserved).ScalarQuantities();
  }
  return sum;
}

absl::Status CheckLimits(const RoleFacts& facts, const RoleConfig& before,
                         const RoleConfig& after) {
  if (after.quota.limits == before.quota.limits) return absl::OkStatus();
  const ResourceQuantities used = UsageOf(facts.frameworks, after.role).used;
  const ResourceQuantities reserved = IdleReservations(facts.agents, after.role);
  for (const auto& [name, limit] : after.quota.limits) {
    const Scalar consumed = used.Get(name) + reserved.Get(name);
    const Scalar excess = consumed - limit;
    if (before.quota.limits.Get(name) == limit || !excess.is_positive()) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "limits: of ", name.text(), ", role ", after.role, " uses ", used.Get(name).ToString(),
        reserved.Get(name).is_zero()
            ? ""
            : absl::StrCat(" and has reserved ", reserved.Get(name).ToString(), " besides"),
        ", ", excess.ToString(), " more than the limit of ", limit.ToString(), kForceHint));
  }
  return absl::OkStatus();
}

}  // namespace

ResourceQuantities CapacityOf(const AgentBook& agents) {
  ResourceQuantities sum;
  for (const auto& [sequence, agent] : agents.all()) {
    if (agent->is_live()) {
      sum += agent->record.total.NonRevocable().ScalarQuantities();
    } else if (agent->record.state == AgentState::kRecovered) {
      AddLastSaid(*agent->record.info, &sum);
    }
  }
  return sum;
}

RoleUsage UsageOf(const FrameworkBook& frameworks, absl::string_view role) {
  RoleUsage sum;
  for (const auto& [sequence, framework] : frameworks.all()) {
    for (const auto& [name, usage] : framework->usage) {
      if (name != role && !resources::IsAncestorRole(role, name)) continue;
      sum.used += usage.used;
      sum.offered += usage.offered;
    }
  }
  return sum;
}

absl::Status CheckTree(const RoleBook::Map& configs) {
  const absl::btree_map<std::string, ResourceQuantities> below = SumsBelow(configs);
  for (const auto& [role, config] : configs) {
    auto it = below.find(role);
    const absl::Status status =
        CheckRole(*config, it == below.end() ? ResourceQuantities() : it->second);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

ResourceQuantities TotalGuarantees(const RoleBook::Map& configs) { return SumsBelow(configs)[""]; }

absl::Status CheckAgainstCluster(const RoleFacts& facts, const RoleBook::Map& before,
                                 const RoleBook::Map& after) {
  const ResourceQuantities capacity = CapacityOf(facts.agents);
  const RoleConfig none;
  for (const auto& [role, config] : after) {
    auto it = before.find(role);
    const RoleConfig& was = it == before.end() ? none : *it->second;
    absl::Status status = CheckNames(capacity, was, *config);
    status.Update(CheckLimits(facts, was, *config));
    if (!status.ok()) return status;
  }
  const ResourceQuantities total_before = TotalGuarantees(before);
  for (const auto& [name, amount] : TotalGuarantees(after)) {
    const Scalar excess = amount - capacity.Get(name);
    if (amount <= total_before.Get(name) || !excess.is_positive()) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("guarantees: all roles together would be guaranteed ", amount.ToString(), " ",
                     name.text(), ", ", excess.ToString(), " more than the ",
                     capacity.Get(name).ToString(), " of the cluster", kForceHint));
  }
  return absl::OkStatus();
}

}  // namespace meros::master
