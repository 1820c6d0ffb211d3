#include "services/allocator/core/placement.h"

#include <algorithm>
#include <utility>

namespace meros::allocator {

AgentOrder::AgentOrder(std::vector<Agent*>* agents, const Mirror& mirror, Rng* rng)
    : shuffled_(*agents), mirror_(mirror) {
  rng->Shuffle(agents);
  for (Agent* agent : shuffled_) agent->handed_out = false;
}

void AgentOrder::Sort(Cursor* cursor, Placement placement) const {
  cursor->is_sorted = true;
  std::vector<std::pair<double, size_t>> order;
  order.reserve(shuffled_.size());
  const double sign = placement == Placement::kSpread ? -1 : 1;
  for (size_t i = 0; i < shuffled_.size(); ++i) {
    const double free =
        DominantShare(shuffled_[i]->free.ScalarQuantities(), mirror_.roles().totals());
    order.emplace_back(sign * free, i);  // equals stay shuffled
  }
  std::sort(order.begin(), order.end());
  cursor->agents.reserve(order.size());
  for (const auto& [free, i] : order) cursor->agents.push_back(shuffled_[i]);
}

Agent* AgentOrder::NextOf(const std::vector<Agent*>& agents, size_t* at) {
  while (agents[*at]->handed_out) ++*at;
  agents[*at]->handed_out = true;
  ++handed_out_;
  return agents[*at];
}

Agent* AgentOrder::Next() {
  if (handed_out_ == shuffled_.size()) return nullptr;
  const RoleNode* first = mirror_.roles().FirstInOrder();
  const Placement placement = first == nullptr ? Placement::kRandom : first->placement();
  if (placement == Placement::kRandom) return NextOf(shuffled_, &at_);
  Cursor& cursor = placement == Placement::kSpread ? spread_ : pack_;
  if (!cursor.is_sorted) Sort(&cursor, placement);
  return NextOf(cursor.agents, &cursor.at);
}

}  // namespace meros::allocator
