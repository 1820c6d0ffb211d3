#include "services/master/view/cluster_view.h"

#include <limits>
#include <utility>
#include <vector>

#include "libs/tasks/task_state.h"

namespace meros::master {

bool TaskEntry::is_active() const {
  return !completed && !tasks::IsTerminal(task.state) && task.state != v1::TASK_UNREACHABLE;
}

bool TaskEntry::is_unacknowledged() const { return !completed && tasks::IsTerminal(task.state); }

Replaced ClusterView::Apply(const Publish& publish) {
  Replaced replaced = ReplacedBy(publish.change);
  revision_ = publish.revision;
  std::visit([this](const auto& change) { On(change); }, publish.change);
  return replaced;
}

Replaced ClusterView::ReplacedBy(const Publish::Change& change) const {
  Replaced replaced;
  const auto take_framework = [&](const FrameworkId& id) {
    if (const FrameworkEntry* known = FindFramework(id)) replaced.framework = known->record;
  };
  if (const auto* framework = std::get_if<std::shared_ptr<const FrameworkRecord>>(&change)) {
    take_framework((*framework)->id);
  } else if (const auto* framework_removed = std::get_if<FrameworkRemoved>(&change)) {
    take_framework(framework_removed->id);
  } else if (const auto* task_removed = std::get_if<TaskRemoved>(&change)) {
    const auto known = entries_.find(task_removed->sequence);
    if (known != entries_.end()) replaced.task = known->second.task.facts;
  } else if (const auto* operation_removed = std::get_if<OperationRemoved>(&change)) {
    const auto known = operations_.find(operation_removed->sequence);
    if (known != operations_.end()) replaced.operation = known->second;
  }
  return replaced;
}

void ClusterView::On(const std::shared_ptr<const AgentRecord>& record) {
  AgentEntry& entry = agents_[record->id];
  entry.record = record;
  entry.used = record->used;
  entry.offered = record->offered;
  agent_records_[record->id] = record;
}

void ClusterView::On(const std::shared_ptr<const AgentUsage>& usage) {
  auto it = agents_.find(usage->id);
  if (it == agents_.end()) return;
  it->second.used = usage->used;
  it->second.offered = usage->offered;
}

void ClusterView::On(const AgentRemoved& removed) {
  agents_.erase(removed.id);
  agent_records_.erase(removed.id);
}

void ClusterView::On(const std::shared_ptr<const FrameworkRecord>& record) {
  FrameworkEntry& entry = frameworks_[record->id];
  entry.record = record;
  if (record->state == FrameworkState::kCompleted) entry.usage.clear();
}

void ClusterView::On(const FrameworkUsage& usage) {
  auto it = frameworks_.find(usage.id);
  if (it == frameworks_.end()) return;
  it->second.usage = usage.by_role;
  if (usage.counts != nullptr) it->second.counts = usage.counts;
}

void ClusterView::On(const FrameworkRemoved& removed) {
  const auto first = tasks_.lower_bound(TaskKey(removed.id, TaskId(), 0));
  auto last = first;
  std::vector<uint64_t> sequences;
  for (; last != tasks_.end() && (*last)->task.framework_id() == removed.id; ++last) {
    Recount(*last, nullptr);
    sequences.push_back((*last)->task.sequence());
  }
  tasks_.erase(first, last);
  for (uint64_t sequence : sequences) entries_.erase(sequence);
  frameworks_.erase(removed.id);
}

void ClusterView::Recount(const TaskEntry* was, const TaskEntry* is) {
  if (was == nullptr || is == nullptr || was->task.state != is->task.state) {
    if (was != nullptr) --tasks_by_state_[was->task.state];
    if (is != nullptr) ++tasks_by_state_[is->task.state];
  }
  RecountActive(was, is);
  const int active = (is != nullptr && is->is_active()) - (was != nullptr && was->is_active());
  const int completed = (is != nullptr && is->completed) - (was != nullptr && was->completed);
  const int unacknowledged =
      (is != nullptr && is->is_unacknowledged()) - (was != nullptr && was->is_unacknowledged());
  if (active == 0 && completed == 0 && unacknowledged == 0) return;
  const Task& task = (is != nullptr ? is : was)->task;
  if (auto agent = agents_.find(task.agent_id()); agent != agents_.end()) {
    agent->second.tasks_active += active;
    agent->second.tasks_unacknowledged += unacknowledged;
  }
  if (auto framework = frameworks_.find(task.framework_id()); framework != frameworks_.end()) {
    framework->second.tasks_active += active;
    framework->second.tasks_completed += completed;
  }
}

void ClusterView::RecountActive(const TaskEntry* was, const TaskEntry* is) {
  const bool was_active = was != nullptr && was->is_active();
  const bool is_active = is != nullptr && is->is_active();
  if (was_active == is_active && (!is_active || was->task.state == is->task.state)) return;
  auto framework = frameworks_.find((is != nullptr ? is : was)->task.framework_id());
  if (framework == frameworks_.end()) return;
  auto& by_state = framework->second.active_by_state;
  if (was_active) --by_state[was->task.state];
  if (is_active) ++by_state[is->task.state];
}

void ClusterView::On(const TaskChanged& changed) {
  TaskEntry entry{changed.task, changed.completed};
  auto known = entries_.find(changed.task.sequence());
  if (known == entries_.end()) {
    Recount(nullptr, &entry);
    const uint64_t sequence = entry.task.sequence();
    tasks_.insert(&entries_.emplace(sequence, std::move(entry)).first->second);
    return;
  }
  Recount(&known->second, &entry);
  known->second = std::move(entry);  // of the same facts: it keeps its place
}

void ClusterView::On(const TaskRemoved& removed) {
  auto known = entries_.find(removed.sequence);
  if (known == entries_.end()) return;
  Recount(&known->second, nullptr);
  tasks_.erase(&known->second);
  entries_.erase(known);
}

void ClusterView::On(const RoleChanged& changed) {
  if (changed.config->is_default()) {
    roles_.erase(changed.config->role);
  } else {
    roles_[changed.config->role] = changed.config;
  }
}

void ClusterView::On(const Cleared&) {
  agents_.clear();
  agent_records_.clear();
  frameworks_.clear();
  tasks_.clear();
  entries_.clear();
  tasks_by_state_.clear();
  operations_.clear();
  executors_.clear();
  offers_.clear();
  counts_ = std::make_shared<const ClusterCounts>();
  roles_.clear();
  maintenance_ = std::make_shared<const MaintenancePlan>();
}

const AgentEntry* ClusterView::FindAgent(const AgentId& id) const {
  auto it = agents_.find(id);
  return it == agents_.end() ? nullptr : &it->second;
}

std::shared_ptr<const AgentRecord> ClusterView::FindAgentRecord(const AgentId& id) const {
  auto it = agent_records_.find(id);
  return it == agent_records_.end() ? nullptr : it->second;
}

const FrameworkEntry* ClusterView::FindFramework(const FrameworkId& id) const {
  auto it = frameworks_.find(id);
  return it == frameworks_.end() ? nullptr : &it->second;
}

const TaskEntry* ClusterView::FindTask(const FrameworkId& framework_id,
                                       const TaskId& task_id) const {
  auto it =
      tasks_.upper_bound(TaskKey(framework_id, task_id, std::numeric_limits<uint64_t>::max()));
  if (it == tasks_.begin()) return nullptr;
  const TaskEntry* entry = *--it;
  const bool found = entry->task.framework_id() == framework_id && entry->task.id() == task_id;
  return found ? entry : nullptr;
}

}  // namespace meros::master
