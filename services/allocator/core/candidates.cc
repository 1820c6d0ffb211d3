#include "services/allocator/core/candidates.h"

namespace meros::allocator {
namespace {

// A search costs about as much as this many steps of a walk.
constexpr size_t kManyMarked = 8;

}  // namespace

void Candidates::WakeQuotaBlocked() {
  for (const AgentId& agent : quota_blocked_) Mark(agent);
  quota_blocked_.clear();
}

void Candidates::WakeOffersBlocked() {
  for (const AgentId& agent : offers_blocked_) Mark(agent);
  offers_blocked_.clear();
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
  } else if (marked_.size() > mirror.agents().size() / kManyMarked) {
    // Both are in order of ids: one walk over all is cheaper than many searches.
    auto mark = marked_.begin();
    for (const auto& [id, agent] : mirror.agents()) {
      while (mark != marked_.end() && *mark < id) ++mark;
      if (mark == marked_.end()) break;
      if (*mark == id) consider(agent.get());
    }
  } else {
    for (const AgentId& id : marked_) consider(mirror.FindAgent(id));
  }
  all_ = false;
  marked_.clear();
  return taken;
}

}  // namespace meros::allocator
