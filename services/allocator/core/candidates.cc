#include "services/allocator/core/candidates.h"

namespace meros::allocator {

void Candidates::WakeQuotaBlocked() {
  for (const AgentId& agent : quota_blocked_) Mark(agent);
  quota_blocked_.clear();
}

std::vector<Agent*> Candidates::Take(const Mirror& mirror) {
  std::vector<Agent*> taken;
  const auto consider = [&taken](Agent* agent) {
    if (agent != nullptr && agent->is_offerable() && !agent->held_back && !agent->free.empty()) {
      taken.push_back(agent);
    }
  };
  if (all_) {
    for (const auto& [id, agent] : mirror.agents()) consider(agent.get());
  } else {
    for (const AgentId& id : marked_) consider(mirror.FindAgent(id));
  }
  all_ = false;
  marked_.clear();
  return taken;
}

}  // namespace meros::allocator
