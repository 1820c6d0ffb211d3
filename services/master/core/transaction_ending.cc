// What removed frameworks still run. A framework that is removed leaves the books at once, with all
// its tasks; agents take their time to end these. Until they say that they have, the resources are
// in use: nobody is offered what is not there yet.
#include <algorithm>

#include "libs/tasks/task_state.h"
#include "services/master/core/transaction.h"

namespace meros::master {

void Transaction::EndRemoved(Task* task) {
  if (tasks::IsTerminal(task->state)) return CompleteTask(task);
  Agent* const agent = books_.agents.Find(task->agent_id());
  const Agent::TaskKey key(task->framework_id(), task->id());
  const v1::TaskState state = task->state;
  const resources::Resources held =
      task->holds_resources ? task->resources() : resources::Resources();
  const auto status = MakeStatus(task->id(), task->agent_id(), v1::TASK_KILLED,
                                 v1::TaskStatus::REASON_FRAMEWORK_REMOVED, "Framework removed");
  SetTaskState(task, v1::TASK_KILLED, status.get());
  CompleteTask(task);
  KeepEnding(agent, key, state, held);
}

void Transaction::EndRemovedUnreachable(Framework* framework) {
  const auto aside = framework->unreachable;  // ending one changes the original
  for (const std::shared_ptr<const Task>& task : aside) {
    if (tasks::IsTerminal(task->state)) continue;  // lost, for who is not partition aware
    const auto status = MakeStatus(task->id(), task->agent_id(), v1::TASK_KILLED,
                                   v1::TaskStatus::REASON_FRAMEWORK_REMOVED, "Framework removed");
    EndUnreachable(framework, *task, v1::TASK_KILLED, *status);
  }
}

void Transaction::ForgetUnreachableTasksOf(const AgentId& agent_id) {
  for (const auto& [sequence, framework] : books_.frameworks.all()) {
    auto& aside = framework->unreachable;
    const auto kept = std::stable_partition(
        aside.begin(), aside.end(), [&](const auto& task) { return task->agent_id() != agent_id; });
    for (auto it = kept; it != aside.end(); ++it) {
      Publish(TaskRemoved{(*it)->framework_id(), (*it)->id(), (*it)->sequence()});
      framework->unreachable_by_id.erase((*it)->id());
    }
    aside.erase(kept, aside.end());
  }
}

void Transaction::KeepEnding(Agent* agent, const Agent::TaskKey& key, v1::TaskState state,
                             const resources::Resources& resources) {
  if (!agent->is_live()) return;
  Agent::EndingTask task{.state = state};
  if (agent->record.Free().Contains(resources)) task.resources = resources;
  const auto [entry, is_new] = agent->ending.emplace(key, std::move(task));
  if (!is_new || entry->second.resources.empty()) return;
  agent->record.used += entry->second.resources;
  TellAllocator(Describe(*agent));
  MarkUsage(agent->record.id, key.first);
}

bool Transaction::NoteEnding(Agent* agent, const Agent::TaskKey& key, v1::TaskState state) {
  const auto found = agent->ending.find(key);
  if (found == agent->ending.end()) return false;
  if (!tasks::IsTerminal(state)) {
    found->second.state = state;
    return true;
  }
  const resources::Resources resources = std::move(found->second.resources);
  agent->ending.erase(found);
  NoteLeft(*agent);
  if (resources.empty()) return true;
  agent->record.used -= resources;
  TellAllocator(Describe(*agent));
  MarkUsage(agent->record.id, key.first);
  return true;
}

void Transaction::ReleaseEnding(Agent* agent) {
  if (agent->ending.empty()) return;
  for (const auto& [key, task] : agent->ending) agent->record.used -= task.resources;
  MarkUsage(agent->record.id, agent->ending.begin()->first.first);
  agent->ending.clear();
  if (agent->is_live()) TellAllocator(Describe(*agent));
}

}  // namespace meros::master
