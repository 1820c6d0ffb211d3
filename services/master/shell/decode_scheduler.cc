#include "services/master/shell/decode_scheduler.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/wire/durations.h"
#include "libs/wire/framework_rules.h"
#include "libs/wire/gang_request.h"
#include "libs/wire/launch_rules.h"
#include "libs/wire/resources_proto.h"
#include "libs/wire/scheduler_call.h"
#include "libs/wire/task_rules.h"
#include "services/master/shell/operation_codec.h"
#include "services/master/shell/order_codec.h"

namespace meros::master {
namespace {

using Call = v1::scheduler::Call;
using wire::FieldPath;

template <typename Ids>
std::vector<OfferId> OfferIds(const Ids& ids) {
  std::vector<OfferId> result;
  result.reserve(ids.size());
  for (const auto& id : ids) result.emplace_back(id.value());
  return result;
}

std::vector<std::string> Sorted(const google::protobuf::RepeatedPtrField<std::string>& texts) {
  std::vector<std::string> result(texts.begin(), texts.end());
  std::sort(result.begin(), result.end());
  result.erase(std::unique(result.begin(), result.end()), result.end());
  return result;
}

template <typename CallWithPolicy>
std::shared_ptr<const v1::KillPolicy> PolicyOf(const CallWithPolicy& call) {
  if (!call.has_kill_policy()) return nullptr;
  return std::make_shared<const v1::KillPolicy>(call.kill_policy());
}

// The one role that a task's resources and its executor's are allocated to, if they say.
std::optional<std::string> AllocationRole(const resources::Resources& task,
                                          const resources::Resources& executor) {
  for (const resources::Resources* resources : {&task, &executor}) {
    for (const resources::Resource& resource : *resources) {
      const std::string& role = resource.metadata()->allocation_role;
      if (!role.empty()) return role;
    }
  }
  return std::nullopt;
}

// Fills in what Mesos' masters fill in.
void Complete(const FrameworkId& framework_id, v1::ExecutorInfo* executor) {
  if (executor->has_framework_id()) return;
  executor->mutable_framework_id()->set_value(framework_id.value());
}

void CompleteHealthCheck(v1::TaskInfo* task) {
  if (!task->has_health_check() || task->health_check().has_type()) return;
  const v1::HealthCheck::Type implied = wire::HealthCheckType(task->health_check());
  if (implied != v1::HealthCheck::UNKNOWN) task->mutable_health_check()->set_type(implied);
}

// What does not depend on how the task was judged. Takes the message's content.
void FillTask(v1::TaskInfo* message, TaskLaunch* task) {
  task->id = TaskId(message->task_id().value());
  task->agent_id = AgentId(message->agent_id().value());
  if (message->has_executor()) {
    task->executor_id = ExecutorId(message->executor().executor_id().value());
  }
  CompleteHealthCheck(message);
  task->info = std::make_shared<v1::TaskInfo>();
  task->info->Swap(message);
}

TaskLaunch DecodeTask(v1::TaskInfo* message, const FrameworkId& framework_id,
                      const FieldPath& path) {
  TaskLaunch task;
  if (message->has_executor()) Complete(framework_id, message->mutable_executor());
  wire::TaskVerdict verdict = wire::JudgeTask(*message, framework_id, path);
  task.fault = std::move(verdict.status);
  task.fault_rule = verdict.rule;
  task.allocation_role = AllocationRole(verdict.resources, verdict.executor_resources);
  task.resources = verdict.resources.WithoutAllocation();
  task.executor_resources = verdict.executor_resources.WithoutAllocation();
  FillTask(message, &task);
  return task;
}

// The group's executor becomes that of each task.
LaunchGroupOperation DecodeGroup(v1::Offer::Operation::LaunchGroup* message,
                                 const FrameworkId& framework_id, const FieldPath& path) {
  Complete(framework_id, message->mutable_executor());
  auto* tasks = message->mutable_task_group()->mutable_tasks();
  for (v1::TaskInfo& task : *tasks) {
    if (task.has_executor()) Complete(framework_id, task.mutable_executor());
  }
  const wire::TaskGroupVerdict verdict = wire::JudgeTaskGroup(*message, framework_id, path);
  LaunchGroupOperation group;
  for (int i = 0; i < tasks->size(); ++i) {
    TaskLaunch& task = group.tasks.emplace_back();
    task.fault = verdict.status;
    if (verdict.status.ok()) {
      task.allocation_role = AllocationRole(verdict.resources[i], verdict.executor_resources);
      task.resources = verdict.resources[i].WithoutAllocation();
      task.executor_resources = verdict.executor_resources.WithoutAllocation();
    }
    *tasks->Mutable(i)->mutable_executor() = message->executor();
    FillTask(tasks->Mutable(i), &task);
  }
  return group;
}

// An operation that lacks what its type calls for is a faulty one.
AcceptedOperation DecodeAccepted(v1::Offer::Operation* message, const FrameworkId& framework_id,
                                 const FieldPath& path) {
  const std::string id = message->id().value();
  if (message->type() == v1::Offer::Operation::LAUNCH && message->has_launch()) {
    LaunchOperation launch;
    launch.id = id;
    auto* tasks = message->mutable_launch()->mutable_task_infos();
    const FieldPath launch_path = path.Field("launch");
    for (int i = 0; i < tasks->size(); ++i) {
      launch.tasks.push_back(
          DecodeTask(tasks->Mutable(i), framework_id, launch_path.Item("task_infos", i)));
    }
    return launch;
  }
  if (message->type() == v1::Offer::Operation::LAUNCH_GROUP && message->has_launch_group()) {
    LaunchGroupOperation group =
        DecodeGroup(message->mutable_launch_group(), framework_id, path.Field("launch_group"));
    group.id = id;
    return group;
  }
  return DecodeOperation(message, path);
}

Accept DecodeAccept(Call::Accept* message, const FrameworkId& framework_id, const FieldPath& path) {
  Accept accept;
  accept.offers = OfferIds(message->offer_ids());
  accept.refuse = wire::RefuseTimeout(message->filters());
  for (int i = 0; i < message->operations_size(); ++i) {
    accept.operations.push_back(
        DecodeAccepted(message->mutable_operations(i), framework_id, path.Item("operations", i)));
  }
  return accept;
}

ReconcileCall DecodeReconcile(const Call::Reconcile& message) {
  ReconcileCall reconcile;
  for (const auto& task : message.tasks()) {
    reconcile.tasks.push_back({TaskId(task.task_id().value()), AgentId(task.agent_id().value())});
  }
  return reconcile;
}

ReconcileOperationsCall DecodeReconcile(const Call::ReconcileOperations& message) {
  ReconcileOperationsCall reconcile;
  for (const auto& operation : message.operations()) {
    reconcile.operations.push_back(
        {operation.operation_id().value(), AgentId(operation.agent_id().value())});
  }
  return reconcile;
}

absl::Status CheckSameFramework(const v1::FrameworkInfo& info, const FrameworkId& id,
                                const FieldPath& path) {
  if (info.id().value() == id.value()) return absl::OkStatus();
  return path.Field("framework_id").Fault("must equal framework_info.id");
}

// ERRORS also those of a framework's description.
template <typename Described>
absl::StatusOr<Subscription> DecodeDescription(const Described& message, const FieldPath& path,
                                               const resources::RegexLimits& regex) {
  const FieldPath info_path = path.Field("framework_info");
  MEROS_ASSIGN_OR_RETURN(Subscription subscription,
                         DecodeSubscription(message.framework_info(), info_path.ToString()));
  MEROS_RETURN_IF_ERROR(
      wire::ValidateSuppressedRoles(message.suppressed_roles(), subscription.roles, path));
  MEROS_RETURN_IF_ERROR(wire::ValidateOfferConstraints(
      message.offer_constraints(), subscription.roles, path.Field("offer_constraints"), regex));
  subscription.suppressed_roles = Sorted(message.suppressed_roles());
  if (!message.offer_constraints().role_constraints().empty()) {
    subscription.offer_constraints =
        std::make_shared<const v1::scheduler::OfferConstraints>(message.offer_constraints());
  }
  return subscription;
}

absl::StatusOr<SchedulerCall::Body> DecodeGangRequest(const Call::Request& message,
                                                      const FieldPath& path) {
  MEROS_ASSIGN_OR_RETURN(std::vector<wire::Bundle> bundles, wire::BundlesFromProto(message, path));
  GangRequest request;
  request.gang_id = message.gang_id();
  request.role = message.role();
  for (wire::Bundle& bundle : bundles) {
    request.bundles.push_back({std::move(bundle.amount), bundle.count});
  }
  request.distinct_agents = message.distinct_agents();
  request.deadline = wire::GangDeadline(message);
  return request;
}

absl::StatusOr<SchedulerCall::Body> DecodeBody(Call* call, const FrameworkId& framework_id,
                                               const FieldPath& path,
                                               const resources::RegexLimits& regex) {
  switch (call->type()) {
    case Call::ACCEPT:
      return DecodeAccept(call->mutable_accept(), framework_id, path.Field("accept"));
    case Call::DECLINE:
      return Decline{OfferIds(call->decline().offer_ids()),
                     wire::RefuseTimeout(call->decline().filters())};
    case Call::REVIVE:
      return Revive{Sorted(call->revive().roles())};
    case Call::SUPPRESS:
      return Suppress{Sorted(call->suppress().roles())};
    case Call::KILL:
      return Kill{TaskId(call->kill().task_id().value()), AgentId(call->kill().agent_id().value()),
                  PolicyOf(call->kill())};
    case Call::SHUTDOWN:
      return ShutdownExecutorCall{AgentId(call->shutdown().agent_id().value()),
                                  ExecutorId(call->shutdown().executor_id().value())};
    case Call::ACKNOWLEDGE: {
      Call::Acknowledge* acknowledge = call->mutable_acknowledge();
      return AcknowledgeCall{AgentId(std::move(*acknowledge->mutable_agent_id()->mutable_value())),
                             TaskId(std::move(*acknowledge->mutable_task_id()->mutable_value())),
                             std::move(*acknowledge->mutable_uuid())};
    }
    case Call::ACKNOWLEDGE_OPERATION_STATUS: {
      const auto& acknowledge = call->acknowledge_operation_status();
      return AcknowledgeOperationCall{AgentId(acknowledge.agent_id().value()), acknowledge.uuid(),
                                      acknowledge.operation_id().value()};
    }
    case Call::RECONCILE_OPERATIONS:
      return DecodeReconcile(call->reconcile_operations());
    case Call::RECONCILE:
      return DecodeReconcile(call->reconcile());
    case Call::MESSAGE:
      return MessageCall{AgentId(call->message().agent_id().value()),
                         ExecutorId(call->message().executor_id().value()), call->message().data()};
    case Call::TEARDOWN:
      return TeardownCall{};
    case Call::UPDATE_FRAMEWORK: {
      MEROS_ASSIGN_OR_RETURN(
          Subscription subscription,
          DecodeDescription(call->update_framework(), path.Field("update_framework"), regex));
      return UpdateFrameworkCall{std::move(subscription)};
    }
    case Call::REQUEST:
      if (!call->request().has_gang_id()) return HintCall{};
      return DecodeGangRequest(call->request(), path.Field("request"));
    case Call::ACCEPT_INVERSE_OFFERS:
      return AnswerInverseOffers{OfferIds(call->accept_inverse_offers().inverse_offer_ids()),
                                 /*accepted=*/true,
                                 wire::RefuseTimeout(call->accept_inverse_offers().filters())};
    case Call::DECLINE_INVERSE_OFFERS:
      return AnswerInverseOffers{OfferIds(call->decline_inverse_offers().inverse_offer_ids()),
                                 /*accepted=*/false,
                                 wire::RefuseTimeout(call->decline_inverse_offers().filters())};
    default:
      return UnsupportedCall{absl::UnimplementedError(
          absl::StrCat("this master does not carry out ", Call::Type_Name(call->type()), " yet"))};
  }
}

void FillMinAllocatable(const v1::FrameworkInfo& info, Subscription* subscription) {
  for (const auto& [role, filters] : info.offer_filters()) {
    std::vector<resources::ResourceQuantities>& any_of = subscription->min_allocatable[role];
    for (const auto& quantities : filters.min_allocatable_resources().quantities()) {
      auto decoded = wire::QuantitiesFromProto(quantities.quantities(), FieldPath(), "quantities");
      if (decoded.ok()) any_of.push_back(*std::move(decoded));
    }
  }
}

}  // namespace

absl::StatusOr<Subscription> DecodeSubscription(const v1::FrameworkInfo& info,
                                                absl::string_view root) {
  MEROS_RETURN_IF_ERROR(wire::ValidateFrameworkInfo(info, FieldPath(root)));
  Subscription subscription;
  subscription.info = std::make_shared<const v1::FrameworkInfo>(info);
  subscription.roles = wire::FrameworkRoles(info);
  subscription.failover_timeout = wire::FailoverTimeout(info);
  subscription.partition_aware =
      wire::HasCapability(info, v1::FrameworkInfo::Capability::PARTITION_AWARE);
  subscription.multi_role = wire::HasCapability(info, v1::FrameworkInfo::Capability::MULTI_ROLE);
  subscription.reservation_refinement =
      wire::HasCapability(info, v1::FrameworkInfo::Capability::RESERVATION_REFINEMENT);
  subscription.shared_resources =
      wire::HasCapability(info, v1::FrameworkInfo::Capability::SHARED_RESOURCES);
  FillMinAllocatable(info, &subscription);
  return subscription;
}

absl::Status DecodeCalls(
    v1::scheduler::Calls* frame, const CallOrigin& origin,
    absl::FunctionRef<absl::Status(absl::StatusOr<Input> input, bool subscribes)> take) {
  for (int i = 0; i < frame->calls_size(); ++i) {
    const bool subscribes = frame->calls(i).type() == Call::SUBSCRIBE;
    MEROS_RETURN_IF_ERROR(take(
        DecodeCall(std::move(*frame->mutable_calls(i)), origin, absl::StrCat("calls[", i, "]")),
        subscribes));
  }
  return absl::OkStatus();
}

absl::StatusOr<Input> DecodeCallRequest(const v1::scheduler::CallRequest& request,
                                        CallOrigin origin) {
  if (!request.has_call()) return absl::InvalidArgumentError("call: must be set");
  MEROS_RETURN_IF_ERROR(CheckRequestId(request.request_id()));
  origin.request_id = request.request_id();
  return DecodeCall(request.call(), std::move(origin), "call");
}

absl::StatusOr<Input> DecodeCall(const v1::scheduler::Call& call, CallOrigin origin,
                                 absl::string_view root) {
  return DecodeCall(v1::scheduler::Call(call), std::move(origin), root);
}

absl::StatusOr<Input> DecodeCall(v1::scheduler::Call&& call, CallOrigin origin,
                                 absl::string_view root) {
  const FieldPath path(root);
  MEROS_RETURN_IF_ERROR(wire::ValidateCall(call, path));
  FrameworkId framework_id(std::move(*call.mutable_framework_id()->mutable_value()));
  if (call.type() == Call::SUBSCRIBE) {
    if (origin.stream == 0) return path.Fault("SUBSCRIBE needs a stream: use Connect");
    MEROS_RETURN_IF_ERROR(
        CheckSameFramework(call.subscribe().framework_info(), framework_id, path));
    MEROS_ASSIGN_OR_RETURN(
        Subscription subscription,
        DecodeDescription(call.subscribe(), path.Field("subscribe"), origin.regex));
    if (call.subscribe().lost_master().size() > kMaxIdBytes) {
      return path.Field("subscribe")
          .Field("lost_master")
          .Fault("must have at most ", kMaxIdBytes, " bytes, has ",
                 call.subscribe().lost_master().size());
    }
    return Subscribe{origin.stream, framework_id, std::move(subscription),
                     std::move(origin.authenticated),
                     std::move(*call.mutable_subscribe()->mutable_lost_master())};
  }
  if (call.type() == Call::UPDATE_FRAMEWORK) {
    MEROS_RETURN_IF_ERROR(
        CheckSameFramework(call.update_framework().framework_info(), framework_id, path));
  }
  MEROS_ASSIGN_OR_RETURN(SchedulerCall::Body body,
                         DecodeBody(&call, framework_id, path, origin.regex));
  return SchedulerCall{origin.stream,
                       origin.call,
                       std::move(framework_id),
                       std::move(origin.request_id),
                       std::move(origin.authenticated),
                       std::move(body)};
}

}  // namespace meros::master
