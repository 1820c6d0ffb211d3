#include "services/master/view/cluster_view.h"

#include <limits>

#include "services/master/core/task_state.h"

namespace meros::master {

bool TaskEntry::is_active() const {
  return !completed && !IsTerminal(task->state) && task->state != v1::TASK_UNREACHABLE;
}

void ClusterView::Apply(const Publish& publish) {
  revision_ = publish.revision;
  std::visit([this](const auto& change) { On(change); }, publish.change);
}

void ClusterView::On(const std::shared_ptr<const AgentRecord>& record) {
  AgentEntry& entry = agents_[record->id];
  entry.record = record;
  entry.used = record->used;
  entry.offered = record->offered;
}

void ClusterView::On(const AgentUsage& usage) {
  auto it = agents_.find(usage.id);
  if (it == agents_.end()) return;
  it->second.used = usage.used;
  it->second.offered = usage.offered;
}

void ClusterView::On(const AgentRemoved& removed) { agents_.erase(removed.id); }

void ClusterView::On(const std::shared_ptr<const FrameworkRecord>& record) {
  FrameworkEntry& entry = frameworks_[record->id];
  entry.record = record;
  if (record->state == FrameworkState::kCompleted) entry.usage.clear();
}

void ClusterView::On(const FrameworkUsage& usage) {
  auto it = frameworks_.find(usage.id);
  if (it != frameworks_.end()) it->second.usage = usage.by_role;
}

void ClusterView::On(const FrameworkRemoved& removed) {
  auto first = tasks_.lower_bound({removed.id, TaskId(), 0});
  auto last = first;
  while (last != tasks_.end() && std::get<0>(last->first) == removed.id) {
    Count(last->second, -1);
    ++last;
  }
  tasks_.erase(first, last);
  frameworks_.erase(removed.id);
}

void ClusterView::Count(const TaskEntry& entry, int by) {
  tasks_by_state_[entry.task->state] += by;
  const bool active = entry.is_active();
  if (auto agent = agents_.find(entry.task->agent_id); agent != agents_.end() && active) {
    agent->second.tasks_active += by;
  }
  auto framework = frameworks_.find(entry.task->framework_id);
  if (framework == frameworks_.end()) return;
  if (active) framework->second.tasks_active += by;
  if (entry.completed) framework->second.tasks_completed += by;
}

void ClusterView::On(const TaskChanged& changed) {
  const Task& task = *changed.task;
  TaskEntry& entry = tasks_[{task.framework_id, task.id, task.sequence}];
  if (entry.task != nullptr) Count(entry, -1);
  entry = TaskEntry{changed.task, changed.completed};
  Count(entry, +1);
}

void ClusterView::On(const TaskRemoved& removed) {
  auto it = tasks_.find({removed.framework_id, removed.task_id, removed.sequence});
  if (it == tasks_.end()) return;
  Count(it->second, -1);
  tasks_.erase(it);
}

void ClusterView::On(const Cleared&) {
  agents_.clear();
  frameworks_.clear();
  tasks_.clear();
  tasks_by_state_.clear();
}

const AgentEntry* ClusterView::FindAgent(const AgentId& id) const {
  auto it = agents_.find(id);
  return it == agents_.end() ? nullptr : &it->second;
}

const FrameworkEntry* ClusterView::FindFramework(const FrameworkId& id) const {
  auto it = frameworks_.find(id);
  return it == frameworks_.end() ? nullptr : &it->second;
}

const TaskEntry* ClusterView::FindTask(const FrameworkId& framework_id,
                                       const TaskId& task_id) const {
  auto it = tasks_.upper_bound({framework_id, task_id, std::numeric_limits<uint64_t>::max()});
  if (it == tasks_.begin()) return nullptr;
  --it;
  if (std::get<0>(it->first) != framework_id || std::get<1>(it->first) != task_id) return nullptr;
  return &it->second;
}

}  // namespace meros::master
