#include "services/master/view/allocation_view.h"

#include "absl/container/btree_map.h"

namespace meros::master {
namespace {

// As Agent::is_live() of the core.
bool IsLive(AgentState state) {
  return state == AgentState::kRegistered || state == AgentState::kDisconnected ||
         state == AgentState::kMarkingUnreachable || state == AgentState::kRemoving;
}

// What is in use on one agent.
struct InUse {
  absl::btree_map<AllocationView::Holder, resources::Resources> by_holder;
  resources::Resources tasks;
  // Whoever runs tasks in an executor of its own there; the first by id.
  AllocationView::Holder executor_owner;
};

absl::btree_map<AgentId, InUse> UseOf(const ClusterView& view) {
  absl::btree_map<AgentId, InUse> use;
  for (const TaskEntry* entry : view.tasks()) {
    const Task& task = entry->task;
    if (!task.holds_resources) continue;
    InUse& agent = use[task.agent_id()];
    const AllocationView::Holder holder(task.framework_id(), task.role());
    agent.by_holder[holder] += task.resources();
    agent.tasks += task.resources();
    // Tasks come in the order of their frameworks.
    if (!task.executor_id().empty() && agent.executor_owner.first.empty()) {
      agent.executor_owner = holder;
    }
  }
  for (auto& [id, agent] : use) {
    const AgentEntry* entry = view.FindAgent(id);
    if (entry == nullptr || agent.executor_owner.first.empty()) continue;
    const resources::Resources executors = entry->used - agent.tasks;
    if (!executors.empty()) agent.by_holder[agent.executor_owner] += executors;
  }
  return use;
}

}  // namespace

AllocationView AllocationsOf(const ClusterView& view) {
  AllocationView out;
  out.revision = view.revision();
  out.epoch = view.leadership().epoch;
  for (const auto& [name, config] : view.roles()) out.roles.push_back(config);
  for (const auto& [id, entry] : view.frameworks()) {
    if (entry.record->state == FrameworkState::kCompleted) continue;
    out.frameworks.push_back(entry.record);
    for (const auto& [role, usage] : entry.usage) {
      if (!usage.offered.empty()) out.open_offers.push_back({{id, role}, usage.offered});
    }
  }
  absl::btree_map<AgentId, InUse> use = UseOf(view);
  for (const auto& [id, entry] : view.agents()) {
    if (!IsLive(entry.record->state)) continue;
    out.agents.push_back({entry.record, {}});
    const auto found = use.find(id);
    if (found != use.end()) out.agents.back().used = std::move(found->second.by_holder);
  }
  return out;
}

}  // namespace meros::master
