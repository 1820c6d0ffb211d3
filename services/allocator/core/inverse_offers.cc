#include "services/allocator/core/inverse_offers.h"

namespace meros::allocator {

void InverseOffers::OnMaintenance(const AgentId& agent, bool is_set) {
  agents_.erase(agent);
  if (is_set) agents_[agent];
}

void InverseOffers::OnFrameworkRemoved(const FrameworkId& framework) {
  for (auto& [id, agent] : agents_) agent.asked.erase(framework);
}

void InverseOffers::OnHolding(const AgentId& agent) {
  const auto found = agents_.find(agent);
  if (found != agents_.end()) found->second.changed = true;
}

void InverseOffers::OnRevive(const FrameworkId& framework) {
  for (auto& [id, agent] : agents_) {
    const auto asked = agent.asked.find(framework);
    agent.changed = true;
    if (asked != agent.asked.end() && asked->second != absl::InfiniteFuture()) {
      agent.asked.erase(asked);
    }
  }
}

void InverseOffers::Settle(const FrameworkId& framework, const AgentId& agent,
                           absl::Time refused_until) {
  const auto found = agents_.find(agent);
  if (found == agents_.end()) return;
  const auto asked = found->second.asked.find(framework);
  if (asked != found->second.asked.end()) asked->second = refused_until;
}

void InverseOffers::Run(const Mirror& mirror, absl::Time now, bool all,
                        absl::FunctionRef<void(InverseOffer)> emit) {
  for (auto& [id, agent] : agents_) {
    if (!all && !agent.changed) continue;
    agent.changed = false;
    const allocator::Agent* known = mirror.FindAgent(id);
    for (const auto& [holder, holding] : known->held) {
      const Framework* framework = mirror.FindFramework(holder.framework);
      if (framework == nullptr || !framework->state.active) continue;
      const auto [asked, is_new] = agent.asked.emplace(holder.framework, now);
      if (asked->second > now) continue;
      asked->second = absl::InfiniteFuture();
      emit({holder.framework, id, *known->state.maintenance});
    }
  }
}

}  // namespace meros::allocator
