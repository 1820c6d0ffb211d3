#include "services/allocator/whatif/report.h"

#include "libs/resources/roles.h"
#include "services/allocator/core/fair_share.h"

namespace meros::allocator {
namespace {

// Quantities or limits.
template <typename Amounts>
void Fill(const Amounts& amounts, v1::Quantities* out) {
  for (const auto& [name, amount] : amounts) {
    (*out->mutable_milli())[std::string(name.text())] = amount.millis();
  }
}

// Calls `visit` for the role and each one above it.
template <typename Visit>
void ForEachUpwards(const std::string& role, Visit visit) {
  for (absl::string_view ancestor : resources::AncestorRoles(role)) visit(std::string(ancestor));
  visit(role);
}

// Who holds what at the end.
struct After {
  absl::btree_map<HolderKey, ResourceQuantities> holders;
  absl::btree_map<std::string, ResourceQuantities> roles;
  ResourceQuantities totals;
  ResourceQuantities free;
  v1::WhatIfCluster cluster;

  explicit After(const Mirror& mirror) {
    for (const auto& [id, agent] : mirror.agents()) {
      totals += agent->state.total.ScalarQuantities();
      free += agent->free.ScalarQuantities();
      for (const auto& [holder, holding] : agent->held) {
        const ResourceQuantities amount = holding.resources.ScalarQuantities();
        holders[holder] += amount;
        ForEachUpwards(holder.role, [&](const std::string& role) { roles[role] += amount; });
      }
    }
    cluster.set_agents(mirror.agents().size());
    Fill(totals, cluster.mutable_total());
    Fill(free, cluster.mutable_free());
  }
};

template <typename Map, typename Key>
typename Map::mapped_type Get(const Map& map, const Key& key) {
  const auto found = map.find(key);
  return found == map.end() ? typename Map::mapped_type() : found->second;
}

// The columns that roles and frameworks have in common.
template <typename Row>
void FillHoldings(const Before::Part& had, const ResourceQuantities& has, const Before& before,
                  const After& after, Row* row) {
  Fill(had.used, row->mutable_used());
  Fill(had.offered, row->mutable_offered());
  Fill(has, row->mutable_after());
  row->set_share_before(DominantShare(had.used, before.totals()));
  row->set_share_after(DominantShare(has, after.totals));
}

void FillSettings(const RoleNode& node, v1::WhatIfRole* row) {
  row->set_weight(node.weight());
  row->set_priority(node.settings().priority);
  if (node.quota().empty()) return;
  row->mutable_quota()->set_role(row->role());
  Fill(node.quota().guarantees, row->mutable_quota()->mutable_guarantees());
  Fill(node.quota().limits, row->mutable_quota()->mutable_limits());
  ResourceLimits left = node.quota().limits;
  left -= node.Consumed();
  Fill(left, row->mutable_limit_left());
  Fill(node.Consumed(), row->mutable_consumed());
  Fill(node.OwnShortfall(), row->mutable_guarantee_lacking());
}

void AddRoles(const Before& before, const After& after, const Mirror& mirror,
              v1::WhatIfReport* report) {
  absl::btree_map<std::string, const RoleNode*> rows;
  for (const auto& [role, had] : before.roles()) rows[role] = nullptr;
  for (const auto& [role, has] : after.roles) rows[role] = nullptr;
  mirror.roles().ForEachRole([&](const RoleNode& node) { rows[node.name()] = &node; });
  for (const auto& [role, node] : rows) {
    v1::WhatIfRole* row = report->add_roles();
    row->set_role(role);
    row->set_weight(1);
    FillHoldings(Get(before.roles(), role), Get(after.roles, role), before, after, row);
    if (node != nullptr) FillSettings(*node, row);
  }
}

bool WantsOffers(const Framework* framework, const std::string& role) {
  return framework != nullptr && framework->state.active && framework->state.roles.contains(role) &&
         !framework->state.suppressed_roles.contains(role);
}

void AddFrameworks(const Before& before, const After& after, const Mirror& mirror,
                   v1::WhatIfReport* report) {
  // Ordered by role first.
  absl::btree_map<std::string, absl::btree_map<FrameworkId, HolderKey>> rows;
  const auto add = [&rows](const HolderKey& key) { rows[key.role][key.framework] = key; };
  for (const auto& [key, had] : before.holders()) add(key);
  for (const auto& [key, has] : after.holders) add(key);
  for (const auto& [id, framework] : mirror.frameworks()) {
    for (const std::string& role : framework->state.roles) add({id, role});
  }
  for (const auto& [role, frameworks] : rows) {
    for (const auto& [id, key] : frameworks) {
      v1::WhatIfFramework* row = report->add_frameworks();
      row->set_framework_id(id.value());
      row->set_role(role);
      FillHoldings(Get(before.holders(), key), Get(after.holders, key), before, after, row);
      row->set_wants_offers(WantsOffers(mirror.FindFramework(id), role));
    }
  }
}

void AddAgents(const Mirror& mirror, v1::WhatIfReport* report) {
  for (const auto& [id, agent] : mirror.agents()) {
    v1::WhatIfAgent* row = report->add_agents();
    row->set_agent_id(id.value());
    row->set_hostname(agent->state.traits.hostname);
    Fill(agent->state.total.ScalarQuantities(), row->mutable_total());
    Fill(agent->free.ScalarQuantities(), row->mutable_free());
    for (const auto& [holder, holding] : agent->held) {
      v1::WhatIfHolding* part = row->add_holdings();
      part->set_framework_id(holder.framework.value());
      part->set_role(holder.role);
      Fill(holding.resources.ScalarQuantities(), part->mutable_amount());
    }
  }
}

}  // namespace

void Before::AddOffered(const HolderKey& holder, const ResourceQuantities& amount) {
  holders_[holder].offered += amount;
  ForEachUpwards(holder.role, [&](const std::string& role) { roles_[role].offered += amount; });
  offered_ += amount;
}

void Before::Look(const Mirror& mirror) {
  const After now(mirror);
  for (const auto& [holder, used] : now.holders) holders_[holder].used = used;
  for (const auto& [role, used] : now.roles) roles_[role].used = used;
  totals_ = now.totals;
  cluster_ = now.cluster;
  // What is on offer is not loaded, and so looks free.
  cluster_.clear_free();
  Fill(now.free - offered_, cluster_.mutable_free());
}

v1::WhatIfReport MakeReport(const Before& before, const PlayedMaster::Outcome& outcome,
                            const Mirror& mirror, bool with_agents) {
  const After after(mirror);
  v1::WhatIfReport report;
  report.set_settled(outcome.settled);
  report.set_cycles(outcome.cycles);
  report.set_offers(outcome.offers);
  *report.mutable_before() = before.cluster();
  *report.mutable_after() = after.cluster;
  AddRoles(before, after, mirror, &report);
  AddFrameworks(before, after, mirror, &report);
  for (const PreemptionProposal& preemption : outcome.preemptions) {
    v1::WhatIfPreemption* row = report.add_preemptions();
    row->set_framework_id(preemption.framework.value());
    row->set_role(preemption.role);
    row->set_agent_id(preemption.agent.value());
    Fill(preemption.amount, row->mutable_amount());
    row->set_for_role(preemption.for_role);
  }
  if (with_agents) AddAgents(mirror, &report);
  return report;
}

}  // namespace meros::allocator
