#include "services/master/shell/decode_agent.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "libs/base/status_macros.h"
#include "libs/resources/validation.h"
#include "libs/tasks/task_state.h"
#include "libs/wire/agent_rules.h"
#include "libs/wire/launch_rules.h"
#include "libs/wire/limits.h"
#include "libs/wire/resources_proto.h"
#include "libs/wire/structure.h"
#include "services/master/shell/decode_scheduler.h"
#include "services/master/shell/operation_codec.h"

namespace meros::master {
namespace {

namespace pb = ::meros::agent_link::v1;
using wire::FieldPath;

std::string RoleOf(const resources::Resources& resources) {
  for (const resources::Resource& resource : resources) {
    const std::string& role = resource.metadata()->allocation_role;
    if (!role.empty()) return role;
  }
  return "*";
}

// By the rules for what agents register with.
absl::StatusOr<resources::Resources> DecodeTotal(const wire::ResourceList& list,
                                                 const FieldPath& path) {
  MEROS_ASSIGN_OR_RETURN(resources::Resources total, wire::ResourcesFromProto(list, path, "total"));
  const FieldPath place = path.Field("total");
  MEROS_RETURN_IF_ERROR(place.Annotate(ValidateDisks(total)));
  MEROS_RETURN_IF_ERROR(place.Annotate(ValidateNoRevocableReservation(total)));
  MEROS_RETURN_IF_ERROR(place.Annotate(ValidateUniquePersistenceIds(total)));
  return total.WithoutAllocation();
}

absl::Status DecodeEnded(const pb::Register& message, const FieldPath& path,
                         std::vector<EndedSummary>* out) {
  absl::flat_hash_set<absl::string_view> seen;
  for (int i = 0; i < message.ended_size(); ++i) {
    const FieldPath item = path.Item("ended", i);
    const pb::EndedSummary& summary = message.ended(i);
    MEROS_RETURN_IF_ERROR(wire::CheckIdText(summary.framework_id(), item.Field("framework_id")));
    if (!seen.insert(summary.framework_id()).second) {
      return item.Field("framework_id").Fault("is named twice: ", summary.framework_id());
    }
    if (!std::isfinite(summary.newest())) return item.Field("newest").Fault("must be finite");
    out->push_back({FrameworkId(summary.framework_id()), summary.tasks(),
                    absl::UnixEpoch() + absl::Seconds(summary.newest())});
  }
  return absl::OkStatus();
}

absl::StatusOr<AgentDescription> DecodeDescription(pb::Register* message, const FieldPath& path) {
  MEROS_RETURN_IF_ERROR(wire::CheckStructure(message->info(), path.Field("info")));
  MEROS_ASSIGN_OR_RETURN(wire::AgentInventory inventory,
                         wire::ValidateAgentInfo(message->info(), path.Field("info")));
  AgentDescription agent;
  agent.total = std::move(inventory.total);
  if (message->total_size() > 0) {
    MEROS_ASSIGN_OR_RETURN(agent.total, DecodeTotal(message->total(), path));
  }
  for (const auto& capability : message->capabilities()) {
    agent.capabilities.Add(capability.type());
  }
  MEROS_RETURN_IF_ERROR(DecodeEnded(*message, path, &agent.ended));
  if (message->lost_master().size() > kMaxIdBytes) {
    return path.Field("lost_master")
        .Fault("must have at most ", kMaxIdBytes, " bytes, has ", message->lost_master().size());
  }
  agent.registration_key = message->registration_key();
  agent.version = message->version();
  agent.service_address = message->service_address();
  agent.resource_version_uuid = message->resource_version_uuid();
  agent.epoch_seen = message->epoch_seen();
  agent.lost_master = message->lost_master();
  agent.info = std::make_shared<v1::AgentInfo>(std::move(*message->mutable_info()));
  return agent;
}

absl::StatusOr<Input> Decode(pb::Register* message, StreamId stream, const FieldPath& path) {
  if (message->registration_key().empty() || message->registration_key().size() > kMaxIdBytes) {
    return path.Field("registration_key")
        .Fault("must have 1 to ", kMaxIdBytes, " bytes, has ", message->registration_key().size());
  }
  if (message->info().has_id()) return path.Field("info").Field("id").Fault("must not be set");
  MEROS_ASSIGN_OR_RETURN(AgentDescription agent, DecodeDescription(message, path));
  return AgentRegister{stream, std::move(agent)};
}

// `info` is the task's launch, or null where the agent no longer has it.
absl::Status DecodeTask(const v1::Task& message, const v1::TaskInfo* info, const AgentId& agent_id,
                        const FieldPath& path, ReportedTask* task) {
  MEROS_RETURN_IF_ERROR(wire::CheckId(message.task_id(), path.Field("task_id")));
  MEROS_RETURN_IF_ERROR(wire::CheckId(message.framework_id(), path.Field("framework_id")));
  if (message.agent_id().value() != agent_id.value()) {
    return path.Field("agent_id")
        .Fault("must be ", agent_id.value(), ", is ", message.agent_id().value());
  }
  MEROS_ASSIGN_OR_RETURN(resources::Resources resources,
                         wire::ResourcesFromProto(message.resources(), path));
  task->id = TaskId(message.task_id().value());
  task->framework_id = FrameworkId(message.framework_id().value());
  task->executor_id = ExecutorId(message.executor_id().value());
  task->role = RoleOf(resources);
  task->resources = resources.WithoutAllocation();
  task->state = message.state();
  if (message.has_status_update_state()) task->forwarded_state = message.status_update_state();
  task->forwarded_uuid = message.status_update_uuid();
  task->name = info != nullptr ? info->name() : message.name();
  task->description = info != nullptr ? DescribeTask(*info) : DescribeTask(message);
  for (const v1::TaskStatus& status : message.statuses()) task->statuses.Add(status);
  return absl::OkStatus();
}

absl::StatusOr<Executor> DecodeExecutor(const v1::ExecutorInfo& message, const FieldPath& path) {
  MEROS_RETURN_IF_ERROR(wire::CheckId(message.executor_id(), path.Field("executor_id")));
  MEROS_RETURN_IF_ERROR(wire::CheckId(message.framework_id(), path.Field("framework_id")));
  MEROS_ASSIGN_OR_RETURN(resources::Resources resources,
                         wire::ResourcesFromProto(message.resources(), path));
  return Executor{FrameworkId(message.framework_id().value()),
                  ExecutorId(message.executor_id().value()), RoleOf(resources),
                  resources.WithoutAllocation(), std::make_shared<const v1::ExecutorInfo>(message)};
}

absl::Status DecodeFrameworks(const pb::Reregister& message, const FieldPath& path,
                              AgentReregister* out) {
  for (int i = 0; i < message.frameworks_size(); ++i) {
    const FieldPath item = path.Item("frameworks", i);
    MEROS_RETURN_IF_ERROR(wire::CheckId(message.frameworks(i).id(), item.Field("id")));
    MEROS_ASSIGN_OR_RETURN(Subscription subscription,
                           DecodeSubscription(message.frameworks(i), item.ToString()));
    out->frameworks.push_back(
        {FrameworkId(message.frameworks(i).id().value()), std::move(subscription)});
  }
  return absl::OkStatus();
}

// Room is made for so many tasks of a report at once, whatever it says.
constexpr size_t kTasksExpected = 1000;

// Each is named once, and of a framework that is named, too.
class SeenIds {
 public:
  // What is added outlives the set.
  explicit SeenIds(const std::vector<ReportedFramework>& frameworks) {
    for (const ReportedFramework& framework : frameworks) frameworks_.insert(framework.id.value());
  }
  absl::Status Add(absl::string_view framework, absl::string_view id, const FieldPath& path,
                   absl::string_view name_of_id) {
    if (!frameworks_.contains(framework)) {
      return path.Field("framework_id").Fault("is not among frameworks: ", framework);
    }
    if (!seen_.emplace(framework, id).second) {
      return path.Field(name_of_id).Fault("is reported twice: ", id);
    }
    return absl::OkStatus();
  }

 private:
  absl::flat_hash_set<absl::string_view> frameworks_;
  absl::flat_hash_set<std::pair<absl::string_view, absl::string_view>> seen_;
};

absl::Status DecodeTasks(const pb::Reregister& message, const FieldPath& path,
                         AgentReregister* out) {
  SeenIds seen(out->frameworks);
  out->tasks.reserve(std::min<size_t>(message.tasks_size(), kTasksExpected));
  for (int i = 0; i < message.tasks_size(); ++i) {
    const FieldPath item = path.Item("tasks", i);
    const v1::Task& task = message.tasks(i);
    const bool has_info = i < message.task_infos_size() && message.task_infos(i).has_task_id();
    const v1::TaskInfo* info = has_info ? &message.task_infos(i) : nullptr;
    MEROS_RETURN_IF_ERROR(DecodeTask(task, info, out->agent_id, item, &out->tasks.emplace_back()));
    MEROS_RETURN_IF_ERROR(
        seen.Add(task.framework_id().value(), task.task_id().value(), item, "task_id"));
  }
  return absl::OkStatus();
}

absl::Status DecodeExecutors(const pb::Reregister& message, const FieldPath& path,
                             AgentReregister* out) {
  SeenIds seen(out->frameworks);
  for (int i = 0; i < message.executors_size(); ++i) {
    const FieldPath item = path.Item("executors", i);
    const v1::ExecutorInfo& info = message.executors(i);
    MEROS_ASSIGN_OR_RETURN(Executor executor, DecodeExecutor(info, item));
    MEROS_RETURN_IF_ERROR(
        seen.Add(info.framework_id().value(), info.executor_id().value(), item, "executor_id"));
    out->executors.push_back(std::move(executor));
  }
  return absl::OkStatus();
}

// A task that runs in an executor runs in one that the agent has.
absl::Status CheckExecutorsOfTasks(const AgentReregister& report, const FieldPath& path) {
  absl::flat_hash_set<std::pair<absl::string_view, absl::string_view>> running;
  for (const Executor& executor : report.executors) {
    running.emplace(executor.framework_id.value(), executor.id.value());
  }
  for (size_t i = 0; i < report.tasks.size(); ++i) {
    const ReportedTask& task = report.tasks[i];
    if (task.state != v1::TASK_RUNNING || task.executor_id.empty()) continue;
    if (running.contains({task.framework_id.value(), task.executor_id.value()})) continue;
    return path.Item("tasks", static_cast<int>(i))
        .Field("executor_id")
        .Fault("is not among executors: ", task.executor_id.value());
  }
  return absl::OkStatus();
}

// What a digest stands for does not come beside it.
absl::Status CheckOnlyDigest(const pb::Reregister& message, const FieldPath& path) {
  if (message.tasks_size() + message.task_infos_size() + message.frameworks_size() +
          message.executors_size() >
      0) {
    return path.Field("digest").Fault("stands for what it comes with");
  }
  return absl::OkStatus();
}

absl::StatusOr<Input> Decode(pb::Reregister* message, StreamId stream, const FieldPath& path) {
  AgentReregister result;
  result.stream = stream;
  const FieldPath agent_path = path.Field("agent");
  MEROS_RETURN_IF_ERROR(
      wire::CheckId(message->agent().info().id(), agent_path.Field("info").Field("id")));
  result.agent_id = AgentId(message->agent().info().id().value());
  MEROS_ASSIGN_OR_RETURN(result.agent, DecodeDescription(message->mutable_agent(), agent_path));
  if (message->has_digest()) {
    result.digest = tasks::HoldingsDigest{message->digest().tasks(), message->digest().sum()};
    MEROS_RETURN_IF_ERROR(CheckOnlyDigest(*message, path));
  } else {
    MEROS_RETURN_IF_ERROR(DecodeFrameworks(*message, path, &result));
    MEROS_RETURN_IF_ERROR(DecodeTasks(*message, path, &result));
    MEROS_RETURN_IF_ERROR(DecodeExecutors(*message, path, &result));
    MEROS_RETURN_IF_ERROR(CheckExecutorsOfTasks(result, path));
  }
  for (int i = 0; i < message->operations_size(); ++i) {
    MEROS_ASSIGN_OR_RETURN(ReportedOperation operation,
                           DecodeReport(message->operations(i), path.Item("operations", i)));
    result.operations.push_back(std::move(operation));
  }
  return result;
}

absl::StatusOr<Input> Decode(const pb::EndedTasks& message, StreamId stream,
                             const FieldPath& path) {
  AgentEndedTasks result;
  result.stream = stream;
  result.more = message.more();
  if (message.tasks().empty()) return result;
  result.agent_id = AgentId(message.tasks(0).agent_id().value());
  result.tasks.reserve(std::min<size_t>(message.tasks_size(), kTasksExpected));
  for (int i = 0; i < message.tasks_size(); ++i) {
    const FieldPath item = path.Item("tasks", i);
    const v1::Task& task = message.tasks(i);
    MEROS_RETURN_IF_ERROR(
        DecodeTask(task, nullptr, result.agent_id, item, &result.tasks.emplace_back()));
    if (!tasks::IsTerminal(task.state())) {
      return item.Field("state").Fault("is not that of an ended task: ",
                                       v1::TaskState_Name(task.state()));
    }
  }
  return result;
}

absl::StatusOr<Input> Decode(pb::StatusUpdate* message, StreamId stream,
                             const std::shared_ptr<google::protobuf::Arena>& arena,
                             const FieldPath& path) {
  const FieldPath status_path = path.Field("status");
  MEROS_RETURN_IF_ERROR(wire::CheckStructure(message->status(), status_path));
  MEROS_RETURN_IF_ERROR(wire::CheckId(message->status().task_id(), status_path.Field("task_id")));
  if (message->status().uuid().size() != wire::kUuidBytes) {
    return status_path.Field("uuid").Fault("must have ", wire::kUuidBytes, " bytes, has ",
                                           message->status().uuid().size());
  }
  if (!v1::TaskState_IsValid(message->latest_state())) {
    return path.Field("latest_state").Fault("is no state of a task: ", message->latest_state());
  }
  AgentStatusUpdate update;
  update.stream = stream;
  update.framework_id = FrameworkId(std::move(*message->mutable_framework_id()));
  update.task_id = TaskId(message->status().task_id().value());
  update.latest_state = static_cast<v1::TaskState>(message->latest_state());
  update.is_ahead = message->is_ahead();
  if (arena != nullptr) {
    update.status = {arena, &message->status()};
  } else {
    update.status = std::make_shared<v1::TaskStatus>(std::move(*message->mutable_status()));
  }
  return update;
}

absl::StatusOr<Input> Decode(const pb::AgentUpdate& message, StreamId stream,
                             const FieldPath& path) {
  MEROS_ASSIGN_OR_RETURN(resources::Resources total, DecodeTotal(message.total(), path));
  return AgentTotalChanged{stream, std::move(total), message.resource_version_uuid()};
}

}  // namespace

void SetIp(absl::string_view peer, Input* input) {
  AgentDescription* agent = nullptr;
  if (auto* first = std::get_if<AgentRegister>(input)) agent = &first->agent;
  if (auto* again = std::get_if<AgentReregister>(input)) agent = &again->agent;
  if (agent == nullptr) return;
  if (!absl::ConsumePrefix(&peer, "ipv4:") && !absl::ConsumePrefix(&peer, "ipv6:")) return;
  absl::string_view ip = peer.substr(0, peer.rfind(':'));
  for (const absl::string_view bracket : {"[", "%5B"}) absl::ConsumePrefix(&ip, bracket);
  for (const absl::string_view bracket : {"]", "%5D"}) absl::ConsumeSuffix(&ip, bracket);
  agent->ip = std::string(ip);
}

absl::StatusOr<Input> DecodeAgentMessage(pb::AgentMessage* message, StreamId stream,
                                         const std::shared_ptr<google::protobuf::Arena>& arena) {
  const FieldPath path;
  switch (message->body_case()) {
    case pb::AgentMessage::kRegister:
      return Decode(message->mutable_register_(), stream, path.Field("register"));
    case pb::AgentMessage::kReregister:
      return Decode(message->mutable_reregister(), stream, path.Field("reregister"));
    case pb::AgentMessage::kHeartbeat:
      return AgentHeartbeat{stream};
    case pb::AgentMessage::kStatusUpdate:
      return Decode(message->mutable_status_update(), stream, arena, path.Field("status_update"));
    case pb::AgentMessage::kExitedExecutor: {
      const pb::ExitedExecutor& exited = message->exited_executor();
      return AgentExecutorExited{stream, FrameworkId(exited.framework_id()),
                                 ExecutorId(exited.executor_id()), exited.wait_status()};
    }
    case pb::AgentMessage::kExecutorMessage: {
      pb::ExecutorMessage* bytes = message->mutable_executor_message();
      return AgentExecutorMessage{stream, FrameworkId(bytes->framework_id()),
                                  ExecutorId(bytes->executor_id()),
                                  std::move(*bytes->mutable_data())};
    }
    case pb::AgentMessage::kAgentUpdate:
      return Decode(message->agent_update(), stream, path.Field("agent_update"));
    case pb::AgentMessage::kEndedTasks:
      return Decode(message->ended_tasks(), stream, path.Field("ended_tasks"));
    case pb::AgentMessage::kUnregister:
      return AgentUnregister{stream, message->unregister().reason()};
    case pb::AgentMessage::kOperationUpdate:
      return DecodeUpdate(message->mutable_operation_update(), stream,
                          path.Field("operation_update"));
    case pb::AgentMessage::BODY_NOT_SET:
      return absl::InvalidArgumentError("a message of the agent has no known body");
  }
  return absl::InvalidArgumentError("a message of the agent has no known body");
}

absl::Status DecodeAgentFrame(pb::AgentFrame* frame, StreamId stream, absl::string_view peer,
                              const std::shared_ptr<google::protobuf::Arena>& arena,
                              absl::FunctionRef<absl::Status(absl::StatusOr<Input> input)> take) {
  for (pb::AgentMessage& message : *frame->mutable_messages()) {
    absl::StatusOr<Input> input = DecodeAgentMessage(&message, stream, arena);
    if (input.ok()) SetIp(peer, &*input);
    MEROS_RETURN_IF_ERROR(take(std::move(input)));
  }
  return absl::OkStatus();
}

}  // namespace meros::master
