#include "services/agent/core/task_book.h"

#include <algorithm>
#include <utility>

#include "libs/base/check.h"
#include "libs/tasks/task_state.h"

namespace meros::agent {

Task* TaskBook::Find(const TaskKey& key) {
  auto it = tasks_.find(key);
  return it == tasks_.end() ? nullptr : &it->second;
}

Task* TaskBook::FindByContainer(const ContainerId& container) {
  auto it = by_container_.find(container);
  return it == by_container_.end() ? nullptr : Find(it->second);
}

Framework* TaskBook::FindFramework(const FrameworkId& id) {
  auto it = frameworks_.find(id);
  return it == frameworks_.end() ? nullptr : &it->second;
}

Framework& TaskBook::PutFramework(const FrameworkId& id, const v1::FrameworkInfo& info) {
  Framework& framework = frameworks_[id];
  framework.info = info;
  return framework;
}

Task& TaskBook::Add(Task task) {
  if (task.info.has_value()) {
    Framework* framework = FindFramework(task.key.framework);
    MEROS_CHECK(framework != nullptr) << "framework " << task.key.framework << " is unknown";
    ++framework->tasks;
  }
  if (!task.container.empty()) {
    const bool is_new = by_container_.emplace(task.container, task.key).second;
    MEROS_CHECK(is_new) << "container " << task.container << " twice";
  }
  const TaskKey key = task.key;
  auto [it, is_new] = tasks_.emplace(key, std::move(task));
  MEROS_CHECK(is_new) << "task " << key.task << " twice";
  return it->second;
}

bool TaskBook::Remove(const TaskKey& key) {
  auto it = tasks_.find(key);
  MEROS_CHECK(it != tasks_.end()) << "task " << key.task << " is unknown";
  const FrameworkId framework = key.framework;  // `key` may live in the entry
  const bool counts = it->second.info.has_value();
  if (!it->second.container.empty()) by_container_.erase(it->second.container);
  tasks_.erase(it);
  if (counts) --FindFramework(framework)->tasks;
  return RemoveIdleFramework(framework);
}

bool TaskBook::RemoveIdleFramework(const FrameworkId& id) {
  auto it = frameworks_.find(id);
  if (it == frameworks_.end() || it->second.tasks > 0) return false;
  frameworks_.erase(it);
  return true;
}

bool TaskBook::HasLiveTasks() const {
  return std::any_of(tasks_.begin(), tasks_.end(),
                     [](const auto& entry) { return entry.second.may_have_container(); });
}

size_t TaskBook::PendingUpdates() const {
  size_t updates = 0;
  for (const auto& [key, task] : tasks_) updates += task.updates.pending().size();
  return updates;
}

void TaskBook::CheckInvariants() const {
  size_t with_info = 0, with_container = 0;
  for (const auto& [key, task] : tasks_) {
    MEROS_CHECK(key == task.key) << key.task;
    MEROS_CHECK(task.has_ended() == tasks::IsTerminal(task.latest.state())) << key.task;
    MEROS_CHECK(!task.has_ended() || !task.updates.empty()) << key.task << " should be forgotten";
    MEROS_CHECK(!task.may_have_container() || task.is_recorded) << key.task << " is not recorded";
    MEROS_CHECK(task.info.has_value() || !task.is_recorded) << key.task;
    with_info += task.info.has_value() ? 1 : 0;
    if (task.container.empty()) continue;
    ++with_container;
    auto it = by_container_.find(task.container);
    MEROS_CHECK(it != by_container_.end() && it->second == key) << task.container;
  }
  MEROS_CHECK(with_container == by_container_.size());
  size_t counted = 0;
  for (const auto& [id, framework] : frameworks_) counted += framework.tasks;
  MEROS_CHECK(counted == with_info);
}

}  // namespace meros::agent
