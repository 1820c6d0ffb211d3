#include "services/master/shell/watch_snapshot.h"

#include <memory>
#include <variant>

#include "services/master/shell/watch_events.h"

namespace meros::master {

namespace pb = ::meros::v1::master;

template <typename Iterator, typename Show>
size_t WatchSnapshot::ShowSome(Iterator it, Iterator end, size_t room, Show show) {
  size_t shown = 0;
  for (; it != end && shown < room; ++it, ++shown) show(*it);
  return shown;
}

size_t WatchSnapshot::AppendPart(const ClusterView& view, size_t room, std::string* frame) {
  const uint64_t revision = view.revision();
  switch (part_) {
    case Part::kAgents: {
      const auto& agents = view.agents();
      return ShowSome(has_begun_ ? agents.upper_bound(agent_) : agents.begin(), agents.end(), room,
                      [&](const auto& agent) {
                        agent_ = agent.first;
                        if (agent.second.record->state == AgentState::kAdmitting) return;
                        AppendEvent(revision, agent.second, frame);
                      });
    }
    case Part::kFrameworks: {
      const auto& frameworks = view.frameworks();
      return ShowSome(has_begun_ ? frameworks.upper_bound(framework_) : frameworks.begin(),
                      frameworks.end(), room, [&](const auto& framework) {
                        framework_ = framework.first;
                        AppendEvent(revision, framework.second, frame);
                      });
    }
    case Part::kTasks: {
      const auto& tasks = view.tasks();
      return ShowSome(has_begun_ ? tasks.upper_bound(task_) : tasks.begin(), tasks.end(), room,
                      [&](const TaskEntry* entry) {
                        const Task& task = entry->task;
                        task_ = TaskKey(task.framework_id(), task.id(), task.sequence());
                        AppendEvent(revision, view, *entry, frame);
                      });
    }
    case Part::kRoles: {
      const auto& roles = view.roles();
      return ShowSome(has_begun_ ? roles.upper_bound(role_) : roles.begin(), roles.end(), room,
                      [&](const auto& role) {
                        role_ = role.first;
                        AppendEvent(revision, *role.second, frame);
                      });
    }
    case Part::kDone:
      break;
  }
  return 0;
}

pb::WatchKind WatchSnapshot::kind() const {
  switch (part_) {
    case Part::kAgents:
      return pb::WATCH_AGENTS;
    case Part::kFrameworks:
      return pb::WATCH_FRAMEWORKS;
    case Part::kTasks:
      return pb::WATCH_TASKS;
    case Part::kRoles:
    case Part::kDone:
      break;
  }
  return pb::WATCH_ROLES;
}

void WatchSnapshot::AppendNext(const ClusterView& view, size_t events_max, std::string* frame) {
  size_t room = events_max;
  while (!is_done()) {
    if (Wants(kinds_, kind())) {
      const size_t shown = AppendPart(view, room, frame);
      has_begun_ |= shown > 0;
      room -= shown;
      if (room == 0) return;  // there may be more of this part
    }
    part_ = static_cast<Part>(static_cast<int>(part_) + 1);
    has_begun_ = false;
  }
}

WatchSnapshot::Part WatchSnapshot::PartOf(const Publish::Change& change) {
  switch (KindOf(change)) {
    case pb::WATCH_AGENTS:
      return Part::kAgents;
    case pb::WATCH_FRAMEWORKS:
      return Part::kFrameworks;
    case pb::WATCH_TASKS:
      return Part::kTasks;
    default:
      return Part::kRoles;
  }
}

bool WatchSnapshot::HasShown(const Publish::Change& change) const {
  const Part part = PartOf(change);
  if (part != part_) return part < part_;
  if (!has_begun_) return false;
  if (const auto* agent = std::get_if<std::shared_ptr<const AgentRecord>>(&change)) {
    return !(agent_ < (*agent)->id);
  }
  if (const auto* removed = std::get_if<AgentRemoved>(&change)) return !(agent_ < removed->id);
  if (const auto* framework = std::get_if<std::shared_ptr<const FrameworkRecord>>(&change)) {
    return !(framework_ < (*framework)->id);
  }
  if (const auto* removed = std::get_if<FrameworkRemoved>(&change)) {
    return !(framework_ < removed->id);
  }
  if (const auto* changed = std::get_if<TaskChanged>(&change)) {
    const Task& task = changed->task;
    return !(task_ < TaskKey(task.framework_id(), task.id(), task.sequence()));
  }
  return std::get<RoleChanged>(change).config->role <= role_;
}

}  // namespace meros::master
