#include "services/master/shell/watch_snapshot.h"

#include <memory>
#include <optional>
#include <variant>

#include "services/master/shell/watch_events.h"

namespace meros::master {

namespace pb = ::meros::v1::master;

namespace {

// Where to go on in a map: after the last, or where what is wanted begins.
template <typename Map, typename Key>
auto BeginOf(const Map& map, bool has_begun, const Key& last, const std::optional<Key>& only) {
  if (has_begun) return map.upper_bound(last);
  return only.has_value() ? map.lower_bound(*only) : map.begin();
}

template <typename Map, typename Key>
auto EndOf(const Map& map, const std::optional<Key>& only) {
  return only.has_value() ? map.upper_bound(*only) : map.end();
}

}  // namespace

template <typename Iterator, typename Show>
bool WatchSnapshot::ShowSome(Iterator it, Iterator end, Room* room, Show show) {
  for (; it != end; ++it) {
    if (!room->is_left()) return false;
    has_begun_ = true;
    --room->examined;
    if (show(*it)) --room->events;
  }
  return true;
}

bool WatchSnapshot::AppendAgents(const ClusterView& view, Room* room, std::string* frame) {
  const auto& agents = view.agents();
  return ShowSome(BeginOf(agents, has_begun_, agent_, filter_.agent()),
                  EndOf(agents, filter_.agent()), room, [&](const auto& agent) {
                    agent_ = agent.first;
                    if (agent.second.record->state == AgentState::kAdmitting) return false;
                    AppendEvent(view.revision(), agent.second, frame);
                    return true;
                  });
}

bool WatchSnapshot::AppendFrameworks(const ClusterView& view, Room* room, std::string* frame) {
  const auto& frameworks = view.frameworks();
  return ShowSome(BeginOf(frameworks, has_begun_, framework_, filter_.framework()),
                  EndOf(frameworks, filter_.framework()), room, [&](const auto& framework) {
                    framework_ = framework.first;
                    if (!filter_.Matches(*framework.second.record)) return false;
                    AppendEvent(view.revision(), framework.second, frame);
                    return true;
                  });
}

bool WatchSnapshot::AppendTasks(const ClusterView& view, Room* room, std::string* frame) {
  const auto& tasks = view.tasks();
  const auto& only = filter_.framework();
  auto begin = tasks.begin();
  auto end = tasks.end();
  if (only.has_value()) {
    // Its tasks are neighbours; the next id there can be is this one and a zero.
    begin = tasks.lower_bound(TaskKey(*only, TaskId(), 0));
    end = tasks.lower_bound(TaskKey(FrameworkId(only->value() + '\0'), TaskId(), 0));
  }
  if (has_begun_) begin = tasks.upper_bound(task_);
  return ShowSome(begin, end, room, [&](const TaskEntry* entry) {
    const Task& task = entry->task;
    task_ = TaskKey(task.framework_id(), task.id(), task.sequence());
    if (!filter_.Matches(*task.facts)) return false;
    AppendEvent(view.revision(), view, *entry, frame);
    return true;
  });
}

bool WatchSnapshot::AppendRoles(const ClusterView& view, Room* room, std::string* frame) {
  const auto& roles = view.roles();
  return ShowSome(BeginOf(roles, has_begun_, role_, filter_.role()), EndOf(roles, filter_.role()),
                  room, [&](const auto& role) {
                    role_ = role.first;
                    AppendEvent(view.revision(), *role.second, frame);
                    return true;
                  });
}

bool WatchSnapshot::AppendPart(const ClusterView& view, Room* room, std::string* frame) {
  switch (part_) {
    case Part::kAgents:
      return AppendAgents(view, room, frame);
    case Part::kFrameworks:
      return AppendFrameworks(view, room, frame);
    case Part::kTasks:
      return AppendTasks(view, room, frame);
    case Part::kRoles:
      return AppendRoles(view, room, frame);
    case Part::kDone:
      break;
  }
  return true;
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

void WatchSnapshot::AppendNext(const ClusterView& view, Room room, std::string* frame) {
  while (!is_done()) {
    if (filter_.Wants(kind()) && !AppendPart(view, &room, frame)) return;
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
  if (const auto* removed = std::get_if<TaskRemoved>(&change)) {
    return !(task_ < TaskKey(removed->framework_id, removed->task_id, removed->sequence));
  }
  return std::get<RoleChanged>(change).config->role <= role_;
}

}  // namespace meros::master
