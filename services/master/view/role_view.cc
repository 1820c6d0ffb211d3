#include "services/master/view/role_view.h"

#include "libs/resources/roles.h"
#include "services/master/view/encode_view.h"

namespace meros::master {
namespace {

using resources::ResourceQuantities;
using Roles = absl::btree_map<std::string, RoleEntry>;
using AmountMap = google::protobuf::Map<std::string, v1::Value::Scalar>;

// `visit(entry)` for the role and every role above it.
template <typename Visit>
void ForPath(Roles* roles, absl::string_view role, Visit visit) {
  for (absl::string_view up = role; !up.empty(); up = resources::ParentRole(up)) {
    visit(&(*roles)[std::string(up)]);
  }
}

void AddReserved(const AgentEntry& agent, Roles* roles) {
  const resources::Resources idle = agent.record->total - agent.used - agent.offered;
  const auto by_role = idle.ReservationsByRole();
  for (const auto& [role, reserved] : by_role) {
    const ResourceQuantities amounts = reserved.ScalarQuantities();
    ForPath(roles, role, [&amounts](RoleEntry* entry) { entry->reserved += amounts; });
  }
}

template <typename Amounts>
void Encode(const Amounts& amounts, AmountMap* out) {
  for (const auto& [name, amount] : amounts) {
    (*out)[std::string(name.text())].set_value(amount.ToDouble());
  }
}

}  // namespace

Roles RolesOf(const ClusterView& view, Reservations reservations) {
  Roles roles;
  for (const auto& [name, config] : view.roles()) ForPath(&roles, name, [](RoleEntry*) {});
  for (const auto& [id, framework] : view.frameworks()) {
    if (framework.record->state == FrameworkState::kCompleted) continue;
    for (const std::string& role : framework.record->subscription.roles) {
      ForPath(&roles, role, [](RoleEntry*) {});
      roles[role].frameworks.push_back(id);
    }
    for (const auto& [role, usage] : framework.usage) {
      ForPath(&roles, role, [&usage = usage](RoleEntry* entry) {
        entry->used += usage.used;
        entry->offered += usage.offered;
      });
      roles[role].allocated += usage.used;
      roles[role].allocated += usage.offered;
    }
  }
  if (reservations == Reservations::kSkip) return roles;
  for (const auto& [id, agent] : view.agents()) {
    if (agent.record->state == AgentState::kRegistered) AddReserved(agent, &roles);
  }
  return roles;
}

ResourceQuantities CapacityOf(const ClusterView& view) {
  ResourceQuantities capacity;
  for (const auto& [id, agent] : view.agents()) {
    if (agent.record->state != AgentState::kRegistered) continue;
    capacity += agent.record->total.ScalarQuantities();
  }
  return capacity;
}

DominantShare ShareOf(const RoleEntry& role, const ResourceQuantities& capacity) {
  DominantShare most;
  const ResourceQuantities held = role.used + role.offered;
  for (const auto& [name, total] : capacity) {
    const double share = held.Get(name).ToDouble() / total.ToDouble();
    if (share <= most.share) continue;
    most = {share, std::string(name.text())};
  }
  return most;
}

void Encode(const RoleConfig& config, v1::master::RoleConfig* out) {
  out->set_role(config.role);
  Encode(config.quota.guarantees, out->mutable_guarantees());
  Encode(config.quota.limits, out->mutable_limits());
  out->set_weight(config.weight);
  out->set_priority(config.policy.priority);
  out->set_preemptible(config.policy.preemptible);
  out->set_placement(static_cast<v1::master::RolePlacement>(config.policy.placement));
  out->set_sorter(static_cast<v1::master::RoleSorter>(config.policy.sorter));
  Encode(config.policy.offer_max, out->mutable_offer_max());
  if (config.policy.min_allocatable) {
    auto* least = out->mutable_min_allocatable();
    for (const ResourceQuantities& amounts : *config.policy.min_allocatable) {
      Encode(amounts, least->add_quantities()->mutable_quantities());
    }
  }
  if (config.policy.offer_timeout) {
    const bool is_never = *config.policy.offer_timeout == absl::InfiniteDuration();
    out->mutable_offer_timeout()->set_nanoseconds(
        is_never ? 0 : absl::ToInt64Nanoseconds(*config.policy.offer_timeout));
  }
  if (config.policy.max_offers_in_flight != 0) {
    out->set_max_offers_in_flight(config.policy.max_offers_in_flight);
  }
  out->set_offer_split(static_cast<v1::master::RoleOfferSplit>(config.policy.offer_split));
  out->set_version(config.version);
}

void Encode(const std::string& name, const RoleEntry& role, const RoleConfig* config,
            const ResourceQuantities& capacity, v1::master::RoleView* out) {
  out->set_role(name);
  out->set_weight(config == nullptr ? 1 : config->weight);
  for (const FrameworkId& id : role.frameworks) out->add_frameworks()->set_value(id.value());
  EncodeQuantities(role.allocated, out->mutable_allocated());
  if (config != nullptr) Encode(*config, out->mutable_config());
  EncodeQuantities(role.used, out->mutable_used());
  EncodeQuantities(role.offered, out->mutable_offered());
  EncodeQuantities(role.Consumed(), out->mutable_consumed());
  const DominantShare share = ShareOf(role, capacity);
  out->set_share(share.share);
  if (!share.resource.empty()) out->set_dominant_resource(share.resource);
}

}  // namespace meros::master
