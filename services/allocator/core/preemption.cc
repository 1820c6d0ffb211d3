#include "services/allocator/core/preemption.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include "libs/resources/roles.h"

namespace meros::allocator {
namespace {

ResourceQuantities Smaller(const ResourceQuantities& a, const ResourceQuantities& b) {
  return a - (a - b);
}

bool IsPreemptible(const RoleNode& role) {
  for (const RoleNode* node = &role; node != nullptr; node = node->parent()) {
    if (node->settings().preemptible) return true;
  }
  return false;
}

bool IsWithin(const RoleNode& role, const RoleNode& ancestor) {
  for (const RoleNode* node = &role; node != nullptr; node = node->parent()) {
    if (node == &ancestor) return true;
  }
  return false;
}

// The priority that counts between two roles: that of the ancestors in which their paths part.
int32_t PriorityAgainst(const RoleNode& role, const RoleNode& other) {
  const RoleNode* node = &role;
  while (node->parent() != nullptr && !IsWithin(other, *node->parent())) node = node->parent();
  return node->settings().priority;
}

// Roles whose guarantee is not met though somebody wants offers; of nested ones the upper.
std::vector<const RoleNode*> RolesInNeed(const RoleTree& roles) {
  std::vector<const RoleNode*> needy;
  roles.ForEachRole([&](const RoleNode& role) {
    if (!role.has_demand() || role.OwnShortfall().empty()) return;
    // Roles come before their sub-roles.
    if (!needy.empty() && IsWithin(role, *needy.back())) return;
    needy.push_back(&role);
  });
  return needy;
}

struct Victim {
  int32_t priority;
  double share;
  const Agent* agent;
  const Client* client;
  ResourceQuantities held;  // subject to quota

  auto rank() const { return std::make_tuple(priority, -share, agent->state.id, client->serial); }
};

// Whom something can be taken from for `needy`, in the order of victims.
std::vector<Victim> FindVictims(const Mirror& mirror, const RoleNode& needy) {
  std::vector<Victim> victims;
  for (const auto& [id, agent] : mirror.agents()) {
    if (!agent->is_offerable()) continue;
    for (const auto& [holder, holding] : agent->held) {
      const RoleNode& role = *holding.client->role;
      if (!IsPreemptible(role) || IsWithin(role, needy)) continue;
      const int32_t priority = PriorityAgainst(role, needy);
      if (priority > PriorityAgainst(needy, role)) continue;
      ResourceQuantities held = Charge::Of(holding.resources).unreserved;
      victims.push_back({priority, role.share(), agent.get(), holding.client, std::move(held)});
    }
  }
  std::sort(victims.begin(), victims.end(),
            [](const Victim& a, const Victim& b) { return a.rank() < b.rank(); });
  return victims;
}

// What the holder has not given back of `amount`, having held `held_before` when it was asked.
ResourceQuantities NotGivenBack(const Mirror& mirror, const AgentId& id, const HolderKey& holder,
                                const ResourceQuantities& amount,
                                const ResourceQuantities& held_before) {
  const Agent* agent = mirror.FindAgent(id);
  if (agent == nullptr) return {};
  const auto holding = agent->held.find(holder);
  if (holding == agent->held.end()) return {};
  return amount - (held_before - Charge::Of(holding->second.resources).unreserved);
}

// What has been chosen of each role and those above it, against their guarantees.
class Surplus {
 public:
  // `amount`, cut to what neither the role's guarantee nor one above it covers.
  ResourceQuantities Cut(const RoleNode& role, ResourceQuantities amount) const {
    for (const RoleNode* node = &role; node != nullptr; node = node->parent()) {
      if (node->quota().guarantees.empty()) continue;
      ResourceQuantities left = node->Consumed();
      const auto taken = taken_.find(node->name());
      if (taken != taken_.end()) left -= taken->second;
      // Names that are not guaranteed may go in whole.
      for (const auto& [name, guaranteed] : node->quota().guarantees) {
        const resources::Scalar surplus = left.Get(name) - guaranteed;
        if (amount.Get(name) <= surplus) continue;
        ResourceQuantities excess;
        excess.Add(name, amount.Get(name) - std::max(surplus, resources::Scalar()));
        amount -= excess;
      }
    }
    return amount;
  }
  void Take(const RoleNode& role, const ResourceQuantities& amount) {
    for (const RoleNode* node = &role; node != nullptr; node = node->parent()) {
      taken_[node->name()] += amount;
    }
  }

 private:
  absl::btree_map<std::string, ResourceQuantities> taken_;
};

}  // namespace

ResourceQuantities Preemption::DropSettled(const Mirror& mirror, absl::Time now) {
  ResourceQuantities awaited;
  for (auto it = pending_.begin(); it != pending_.end();) {
    const auto& [key, pending] = *it;
    const ResourceQuantities left =
        NotGivenBack(mirror, key.first, key.second, pending.amount, pending.held_before);
    if (left.empty() || now >= pending.until) {
      it = pending_.erase(it);
    } else {
      awaited += left;
      ++it;
    }
  }
  return awaited;
}

void Preemption::Run(const Mirror& mirror, const Options& options, absl::Time now,
                     absl::FunctionRef<void(PreemptionProposal)> emit) {
  if (!mirror.roles().has_quota()) {
    short_since_.clear();
    return;
  }
  ResourceQuantities coming = DropSettled(mirror, now) + mirror.available();
  Needs still_short;
  Surplus surplus;
  for (const auto& [key, pending] : pending_) {
    surplus.Take(*mirror.roles().FindRole(key.second.role),
                 NotGivenBack(mirror, key.first, key.second, pending.amount, pending.held_before));
  }
  for (const RoleNode* needy : RolesInNeed(mirror.roles())) {
    ResourceQuantities lacking = needy->OwnShortfall();
    const ResourceQuantities met = Smaller(lacking, coming);
    coming -= met;
    lacking -= met;
    if (lacking.empty()) continue;
    const auto since = short_since_.find(needy->name());
    const absl::Time began = since == short_since_.end() ? now : since->second;
    still_short[needy->name()] = began;
    if (now - began < options.preemption_delay) continue;
    for (const Victim& victim : FindVictims(mirror, *needy)) {
      const Key key{victim.agent->state.id,
                    HolderKey{victim.client->framework_id, victim.client->role->name()}};
      if (pending_.contains(key)) continue;
      const RoleNode& role = *victim.client->role;
      const ResourceQuantities amount = surplus.Cut(role, Smaller(victim.held, lacking));
      if (amount.empty()) continue;
      surplus.Take(role, amount);
      lacking -= amount;
      pending_[key] = {amount, victim.held, now + options.preemption_interval};
      emit({key.second.framework, key.second.role, key.first, amount, needy->name()});
      if (lacking.empty()) break;
    }
  }
  short_since_ = std::move(still_short);
}

}  // namespace meros::allocator
