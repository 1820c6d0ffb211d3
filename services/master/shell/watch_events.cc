#include "services/master/shell/watch_events.h"

#include <memory>
#include <variant>

#include "libs/base/check.h"
#include "services/master/view/encode_view.h"
#include "services/master/view/executor_listing.h"
#include "services/master/view/maintenance_view.h"
#include "services/master/view/operation_listing.h"
#include "services/master/view/role_view.h"
#include "services/master/view/task_writer.h"
#include "services/master/view/wire_writer.h"

namespace meros::master {
namespace {

namespace pb = ::meros::v1::master;

using AgentRef = std::shared_ptr<const AgentRecord>;
using FrameworkRef = std::shared_ptr<const FrameworkRecord>;
using OperationRef = std::shared_ptr<const Operation>;

void AppendPacked(uint64_t revision, int field, absl::string_view packed, std::string* frame) {
  std::string head;
  WireWriter(&head).Varint(pb::WatchEvent::kRevisionFieldNumber, revision);
  std::string body;
  WireWriter(&body).Bytes(field, packed);
  WireWriter(frame).Message(pb::WatchResponse::kEventsFieldNumber, head, body);
}

void AppendMessage(uint64_t revision, int field, const google::protobuf::MessageLite& message,
                   std::string* frame) {
  AppendPacked(revision, field, message.SerializePartialAsString(), frame);
}

struct KindOfChange {
  pb::WatchKind operator()(const AgentRef& agent) const {
    // Not durable yet, so nobody may see it.
    return agent->state == AgentState::kAdmitting ? pb::WATCH_KIND_UNSPECIFIED : pb::WATCH_AGENTS;
  }
  pb::WatchKind operator()(const AgentRemoved&) const { return pb::WATCH_AGENTS; }
  pb::WatchKind operator()(const FrameworkRef&) const { return pb::WATCH_FRAMEWORKS; }
  pb::WatchKind operator()(const FrameworkRemoved&) const { return pb::WATCH_FRAMEWORKS; }
  pb::WatchKind operator()(const TaskChanged&) const { return pb::WATCH_TASKS; }
  pb::WatchKind operator()(const TaskRemoved&) const { return pb::WATCH_TASKS; }
  pb::WatchKind operator()(const RoleChanged&) const { return pb::WATCH_ROLES; }
  pb::WatchKind operator()(const OperationRef&) const { return pb::WATCH_OPERATIONS; }
  pb::WatchKind operator()(const OperationRemoved&) const { return pb::WATCH_OPERATIONS; }
  pb::WatchKind operator()(const ExecutorAdded&) const { return pb::WATCH_EXECUTORS; }
  pb::WatchKind operator()(const ExecutorRemoved&) const { return pb::WATCH_EXECUTORS; }
  pb::WatchKind operator()(const MaintenanceChanged&) const { return pb::WATCH_MAINTENANCE; }
  template <typename Untold>
  pb::WatchKind operator()(const Untold&) const {
    return pb::WATCH_KIND_UNSPECIFIED;
  }
};

// Appends the event of a change.
struct ChangeAppender {
  const ClusterView& view;
  const uint64_t revision;
  const Replaced& replaced;
  std::string* const frame;

  void operator()(const AgentRef& record) const {
    AgentEntry entry;
    if (const AgentEntry* known = view.FindAgent(record->id)) entry = *known;
    entry.record = record;
    entry.used = record->used;
    entry.offered = record->offered;
    AppendEvent(revision, entry, frame);
  }
  void operator()(const AgentRemoved& removed) const {
    v1::AgentID id;
    id.set_value(removed.id.value());
    AppendMessage(revision, pb::WatchEvent::kAgentRemovedFieldNumber, id, frame);
  }
  void operator()(const FrameworkRef& record) const {
    FrameworkEntry entry;
    if (const FrameworkEntry* known = view.FindFramework(record->id)) entry = *known;
    entry.record = record;
    AppendEvent(revision, entry, frame);
  }
  void operator()(const FrameworkRemoved& removed) const {
    v1::FrameworkID id;
    id.set_value(removed.id.value());
    AppendMessage(revision, pb::WatchEvent::kFrameworkRemovedFieldNumber, id, frame);
  }
  void operator()(const TaskChanged& changed) const {
    AppendEvent(revision, view, TaskEntry{changed.task, changed.completed}, frame);
  }
  void operator()(const TaskRemoved& removed) const {
    pb::RemovedTask task;
    task.mutable_framework_id()->set_value(removed.framework_id.value());
    task.mutable_task_id()->set_value(removed.task_id.value());
    task.set_sequence(removed.sequence);
    AppendMessage(revision, pb::WatchEvent::kTaskRemovedFieldNumber, task, frame);
  }
  void operator()(const RoleChanged& changed) const {
    AppendEvent(revision, *changed.config, frame);
  }
  void operator()(const OperationRef& operation) const { AppendEvent(revision, *operation, frame); }
  void operator()(const OperationRemoved& removed) const {
    MEROS_CHECK(replaced.operation != nullptr) << removed.sequence;
    v1::UUID uuid;
    uuid.set_value(replaced.operation->uuid);
    AppendMessage(revision, pb::WatchEvent::kOperationRemovedFieldNumber, uuid, frame);
  }
  void operator()(const ExecutorAdded& added) const {
    AppendEvent(revision, view, ExecutorKey(added.agent_id, added.framework_id, added.id),
                *added.info, frame);
  }
  void operator()(const ExecutorRemoved& removed) const {
    pb::RemovedExecutor executor;
    executor.mutable_agent_id()->set_value(removed.agent_id.value());
    executor.mutable_framework_id()->set_value(removed.framework_id.value());
    executor.mutable_executor_id()->set_value(removed.id.value());
    AppendMessage(revision, pb::WatchEvent::kExecutorRemovedFieldNumber, executor, frame);
  }
  void operator()(const MaintenanceChanged& changed) const {
    AppendEvent(revision, *changed.plan, frame);
  }
  template <typename Untold>
  void operator()(const Untold&) const {
    MEROS_CHECK(false) << "watchers are not told of this";
  }
};

}  // namespace

pb::WatchKind KindOf(const Publish::Change& change) { return std::visit(KindOfChange{}, change); }

void AppendEvent(const ClusterView& view, const Publish& publish, const Replaced& replaced,
                 std::string* frame) {
  std::visit(ChangeAppender{view, publish.revision, replaced, frame}, publish.change);
}

void AppendEvent(uint64_t revision, const AgentEntry& entry, std::string* frame) {
  pb::AgentView view;
  Encode(entry, &view);
  AppendMessage(revision, pb::WatchEvent::kAgentFieldNumber, view, frame);
}

void AppendEvent(uint64_t revision, const FrameworkEntry& entry, std::string* frame) {
  pb::FrameworkView view;
  Encode(entry, &view);
  AppendMessage(revision, pb::WatchEvent::kFrameworkFieldNumber, view, frame);
}

void AppendEvent(uint64_t revision, const ClusterView& view, const TaskEntry& entry,
                 std::string* frame) {
  const FrameworkEntry* framework = view.FindFramework(entry.task.framework_id());
  std::string packed;
  TaskWriter().Append(entry, view.FindAgentRecord(entry.task.agent_id()).get(),
                      framework == nullptr ? nullptr : framework->record.get(), &packed);
  AppendPacked(revision, pb::WatchEvent::kTaskFieldNumber, packed, frame);
}

void AppendEvent(uint64_t revision, const RoleConfig& config, std::string* frame) {
  if (config.is_default()) {
    return AppendPacked(revision, pb::WatchEvent::kRoleRemovedFieldNumber, config.role, frame);
  }
  pb::RoleConfig view;
  Encode(config, &view);
  AppendMessage(revision, pb::WatchEvent::kRoleFieldNumber, view, frame);
}

void AppendEvent(uint64_t revision, const Operation& operation, std::string* frame) {
  v1::Operation message;
  Encode(operation, &message);
  AppendMessage(revision, pb::WatchEvent::kOperationFieldNumber, message, frame);
}

void AppendEvent(uint64_t revision, const ClusterView& view, const ExecutorKey& key,
                 const v1::ExecutorInfo& info, std::string* frame) {
  pb::ExecutorView message;
  Encode(view, key, info, &message);
  AppendMessage(revision, pb::WatchEvent::kExecutorFieldNumber, message, frame);
}

void AppendEvent(uint64_t revision, const MaintenancePlan& plan, std::string* frame) {
  pb::MaintenanceView message;
  Encode(plan, &message);
  AppendMessage(revision, pb::WatchEvent::kMaintenanceFieldNumber, message, frame);
}

}  // namespace meros::master
