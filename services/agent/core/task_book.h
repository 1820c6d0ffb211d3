// All tasks of the agent, the frameworks they belong to and the containers they run in: three
// indexes over one thing, changed here alone.
//
// Owner: AgentCore. Thread rule: thread-compatible.
#pragma once

#include <cstddef>

#include "absl/container/btree_map.h"
#include "libs/base/ids.h"
#include "meros/v1/framework.pb.h"
#include "services/agent/core/task.h"

namespace meros::agent {

struct Framework {
  v1::FrameworkInfo info;
  bool is_shutting_down = false;
  bool is_recorded = false;
  size_t tasks = 0;  // tasks with a TaskInfo; the framework is forgotten with the last one
};

class TaskBook {
 public:
  using Tasks = absl::btree_map<TaskKey, Task>;
  using Frameworks = absl::btree_map<FrameworkId, Framework>;

  const Tasks& tasks() const { return tasks_; }
  Tasks& tasks() { return tasks_; }
  const Frameworks& frameworks() const { return frameworks_; }

  // Null when unknown.
  Task* Find(const TaskKey& key);
  Task* FindByContainer(const ContainerId& container);
  Framework* FindFramework(const FrameworkId& id);

  // Updates the framework's description, making it known when it is not.
  Framework& PutFramework(const FrameworkId& id, const v1::FrameworkInfo& info);

  // REQUIRES: no such key, and no such container unless it is empty; the framework is known if the
  // task has a TaskInfo.
  Task& Add(Task task);

  // Returns true when the task's framework was forgotten with it. REQUIRES: the task is known.
  bool Remove(const TaskKey& key);

  // Drops a framework without tasks; recovery may leave some. True when there was one.
  bool RemoveIdleFramework(const FrameworkId& id);

  // Whether any task may have a container.
  bool HasLiveTasks() const;

  // Updates of all tasks that nobody has acknowledged. Cost: a pass over the tasks.
  size_t PendingUpdates() const;

  void CheckInvariants() const;

 private:
  Tasks tasks_;
  Frameworks frameworks_;
  absl::btree_map<ContainerId, TaskKey> by_container_;
};

}  // namespace meros::agent
