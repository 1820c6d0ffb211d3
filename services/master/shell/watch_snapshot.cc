#include "services/master/shell/watch_snapshot.h"

#include <memory>

#include "libs/base/check.h"

namespace meros::master {

namespace pb = ::meros::v1::master;

namespace {

// The next there can be.
template <typename Id>
Id After(const Id& id) {
  return Id(id.value() + '\0');
}
std::string After(const std::string& name) { return name + '\0'; }

TaskKey PlaceOfEntry(const TaskEntry* entry) {
  return TaskKey(entry->task.framework_id(), entry->task.id(), entry->task.sequence());
}
template <typename Key, typename Value>
const Key& PlaceOfEntry(const std::pair<const Key, Value>& entry) {
  return entry.first;
}

}  // namespace

struct WatchSnapshot::PlaceOfChange {
  Place operator()(const std::shared_ptr<const AgentRecord>& agent) const { return agent->id; }
  Place operator()(const AgentRemoved& removed) const { return removed.id; }
  Place operator()(const std::shared_ptr<const FrameworkRecord>& framework) const {
    return framework->id;
  }
  Place operator()(const FrameworkRemoved& removed) const { return removed.id; }
  Place operator()(const TaskChanged& changed) const {
    const Task& task = changed.task;
    return TaskKey(task.framework_id(), task.id(), task.sequence());
  }
  Place operator()(const TaskRemoved& removed) const {
    return TaskKey(removed.framework_id, removed.task_id, removed.sequence);
  }
  Place operator()(const RoleChanged& changed) const { return changed.config->role; }
  Place operator()(const std::shared_ptr<const Operation>& operation) const {
    return operation->sequence;
  }
  Place operator()(const OperationRemoved& removed) const { return removed.sequence; }
  Place operator()(const ExecutorAdded& added) const {
    return ExecutorKey(added.agent_id, added.framework_id, added.id);
  }
  Place operator()(const ExecutorRemoved& removed) const {
    return ExecutorKey(removed.agent_id, removed.framework_id, removed.id);
  }
  Place operator()(const MaintenanceChanged&) const { return ThePlan(); }
  template <typename Untold>
  Place operator()(const Untold&) const {
    MEROS_CHECK(false) << "watchers are not told of this";
    return {};
  }
};

template <typename Id>
WatchSnapshot::Range<Id> WatchSnapshot::Only(const std::optional<Id>& id) {
  if (!id.has_value()) return {};
  return {*id, After(*id)};
}

WatchSnapshot::Range<TaskKey> WatchSnapshot::TasksOf(const std::optional<FrameworkId>& framework) {
  if (!framework.has_value()) return {};
  return {TaskKey(*framework, TaskId(), 0), TaskKey(After(*framework), TaskId(), 0)};
}

WatchSnapshot::Range<ExecutorKey> WatchSnapshot::ExecutorsOn(const std::optional<AgentId>& agent) {
  if (!agent.has_value()) return {};
  return {ExecutorKey(*agent, FrameworkId(), ExecutorId()),
          ExecutorKey(After(*agent), FrameworkId(), ExecutorId())};
}

template <typename Map, typename Key, typename Show>
bool WatchSnapshot::ShowSome(const Map& map, const Range<Key>& range, Room* room, Show show) {
  const Key* last = last_.has_value() ? std::get_if<Key>(&*last_) : nullptr;
  auto it = last == nullptr ? map.lower_bound(range.first) : map.upper_bound(*last);
  const auto end = range.end.has_value() ? map.lower_bound(*range.end) : map.end();
  for (; it != end; ++it) {
    if (!room->is_left()) return false;
    last_.emplace(std::in_place_type<Key>, PlaceOfEntry(*it));
    --room->examined;
    if (show(*it)) --room->events;
  }
  return true;
}

bool WatchSnapshot::AppendAgents(const ClusterView& view, Room* room, std::string* frame) {
  return ShowSome(view.agents(), Only(filter_.agent()), room, [&](const auto& agent) {
    if (agent.second.record->state == AgentState::kAdmitting) return false;
    AppendEvent(view.revision(), agent.second, frame);
    return true;
  });
}

bool WatchSnapshot::AppendFrameworks(const ClusterView& view, Room* room, std::string* frame) {
  return ShowSome(view.frameworks(), Only(filter_.framework()), room, [&](const auto& framework) {
    if (!filter_.Matches(*framework.second.record)) return false;
    AppendEvent(view.revision(), framework.second, frame);
    return true;
  });
}

bool WatchSnapshot::AppendTasks(const ClusterView& view, Room* room, std::string* frame) {
  return ShowSome(view.tasks(), TasksOf(filter_.framework()), room, [&](const TaskEntry* entry) {
    if (!filter_.Matches(*entry->task.facts)) return false;
    AppendEvent(view.revision(), view, *entry, frame);
    return true;
  });
}

bool WatchSnapshot::AppendRoles(const ClusterView& view, Room* room, std::string* frame) {
  return ShowSome(view.roles(), Only(filter_.role()), room, [&](const auto& role) {
    AppendEvent(view.revision(), *role.second, frame);
    return true;
  });
}

bool WatchSnapshot::AppendOperations(const ClusterView& view, Room* room, std::string* frame) {
  return ShowSome(view.operations(), Range<uint64_t>(), room, [&](const auto& operation) {
    if (!filter_.Matches(*operation.second)) return false;
    AppendEvent(view.revision(), *operation.second, frame);
    return true;
  });
}

bool WatchSnapshot::AppendExecutors(const ClusterView& view, Room* room, std::string* frame) {
  return ShowSome(view.executors(), ExecutorsOn(filter_.agent()), room, [&](const auto& executor) {
    if (!filter_.Matches(executor.first)) return false;
    AppendEvent(view.revision(), view, executor.first, *executor.second, frame);
    return true;
  });
}

bool WatchSnapshot::AppendMaintenance(const ClusterView& view, Room* room, std::string* frame) {
  const MaintenancePlan& plan = *view.maintenance();
  if (plan.machines().empty()) return true;  // nothing is there to be shown
  if (!room->is_left()) return false;
  last_.emplace(ThePlan());
  --room->examined;
  --room->events;
  AppendEvent(view.revision(), plan, frame);
  return true;
}

bool WatchSnapshot::AppendKind(const ClusterView& view, Room* room, std::string* frame) {
  switch (kWatchKinds[kind_]) {
    case pb::WATCH_AGENTS:
      return AppendAgents(view, room, frame);
    case pb::WATCH_FRAMEWORKS:
      return AppendFrameworks(view, room, frame);
    case pb::WATCH_TASKS:
      return AppendTasks(view, room, frame);
    case pb::WATCH_ROLES:
      return AppendRoles(view, room, frame);
    case pb::WATCH_OPERATIONS:
      return AppendOperations(view, room, frame);
    case pb::WATCH_EXECUTORS:
      return AppendExecutors(view, room, frame);
    case pb::WATCH_MAINTENANCE:
      return AppendMaintenance(view, room, frame);
    case pb::WATCH_KIND_UNSPECIFIED:
      break;
  }
  return true;
}

void WatchSnapshot::AppendNext(const ClusterView& view, Room room, std::string* frame) {
  while (!is_done()) {
    if (filter_.Wants(kWatchKinds[kind_]) && !AppendKind(view, &room, frame)) return;
    ++kind_;
  }
}

bool WatchSnapshot::HasShown(const Publish::Change& change) const {
  const Place place = std::visit(PlaceOfChange{}, change);
  return place.index() < kind_ || (last_.has_value() && !(*last_ < place));
}

}  // namespace meros::master
