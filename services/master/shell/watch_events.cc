#include "services/master/shell/watch_events.h"

#include <memory>
#include <variant>

#include "libs/base/check.h"
#include "services/master/view/encode_view.h"
#include "services/master/view/role_view.h"
#include "services/master/view/task_writer.h"
#include "services/master/view/wire_writer.h"

namespace meros::master {
namespace {

namespace pb = ::meros::v1::master;

using AgentRef = std::shared_ptr<const AgentRecord>;
using FrameworkRef = std::shared_ptr<const FrameworkRecord>;

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

void AppendAgent(const ClusterView& view, uint64_t revision, const AgentRef& record,
                 std::string* frame) {
  AgentEntry entry;
  if (const AgentEntry* known = view.FindAgent(record->id)) entry = *known;
  entry.record = record;
  entry.used = record->used;
  entry.offered = record->offered;
  AppendEvent(revision, entry, frame);
}

void AppendFramework(const ClusterView& view, uint64_t revision, const FrameworkRef& record,
                     std::string* frame) {
  FrameworkEntry entry;
  if (const FrameworkEntry* known = view.FindFramework(record->id)) entry = *known;
  entry.record = record;
  AppendEvent(revision, entry, frame);
}

}  // namespace

pb::WatchKind KindOf(const Publish::Change& change) {
  if (const auto* agent = std::get_if<AgentRef>(&change)) {
    // Not durable yet, so nobody may see it.
    return (*agent)->state == AgentState::kAdmitting ? pb::WATCH_KIND_UNSPECIFIED
                                                     : pb::WATCH_AGENTS;
  }
  if (std::holds_alternative<AgentRemoved>(change)) return pb::WATCH_AGENTS;
  if (std::holds_alternative<FrameworkRef>(change)) return pb::WATCH_FRAMEWORKS;
  if (std::holds_alternative<FrameworkRemoved>(change)) return pb::WATCH_FRAMEWORKS;
  if (std::holds_alternative<TaskChanged>(change)) return pb::WATCH_TASKS;
  if (std::holds_alternative<TaskRemoved>(change)) return pb::WATCH_TASKS;
  if (std::holds_alternative<RoleChanged>(change)) return pb::WATCH_ROLES;
  return pb::WATCH_KIND_UNSPECIFIED;
}

void AppendEvent(const ClusterView& view, const Publish& publish, std::string* frame) {
  const uint64_t revision = publish.revision;
  const Publish::Change& change = publish.change;
  if (const auto* agent = std::get_if<AgentRef>(&change)) {
    AppendAgent(view, revision, *agent, frame);
  } else if (const auto* framework = std::get_if<FrameworkRef>(&change)) {
    AppendFramework(view, revision, *framework, frame);
  } else if (const auto* task = std::get_if<TaskChanged>(&change)) {
    AppendEvent(revision, view, TaskEntry{task->task, task->completed}, frame);
  } else if (const auto* agent_removed = std::get_if<AgentRemoved>(&change)) {
    v1::AgentID id;
    id.set_value(agent_removed->id.value());
    AppendMessage(revision, pb::WatchEvent::kAgentRemovedFieldNumber, id, frame);
  } else if (const auto* framework_removed = std::get_if<FrameworkRemoved>(&change)) {
    v1::FrameworkID id;
    id.set_value(framework_removed->id.value());
    AppendMessage(revision, pb::WatchEvent::kFrameworkRemovedFieldNumber, id, frame);
  } else if (const auto* task_removed = std::get_if<TaskRemoved>(&change)) {
    pb::RemovedTask task;
    task.mutable_framework_id()->set_value(task_removed->framework_id.value());
    task.mutable_task_id()->set_value(task_removed->task_id.value());
    task.set_sequence(task_removed->sequence);
    AppendMessage(revision, pb::WatchEvent::kTaskRemovedFieldNumber, task, frame);
  } else if (const auto* role = std::get_if<RoleChanged>(&change)) {
    AppendEvent(revision, *role->config, frame);
  } else {
    MEROS_CHECK(false) << "watchers are not told of this";
  }
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

}  // namespace meros::master
