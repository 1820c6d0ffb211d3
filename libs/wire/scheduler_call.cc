#include "libs/wire/scheduler_call.h"

#include "libs/base/status_macros.h"
#include "libs/wire/gang_request.h"
#include "libs/wire/launch_rules.h"
#include "libs/wire/limits.h"
#include "libs/wire/structure.h"

namespace meros::wire {
namespace {

using Call = v1::scheduler::Call;

// By far the most frequent call, so it is not left to the walk: one comes for every status update.
absl::Status CheckAcknowledge(const Call::Acknowledge& acknowledge, const FieldPath& path) {
  if (acknowledge.has_agent_id() && acknowledge.has_task_id() && acknowledge.has_uuid()) {
    MEROS_RETURN_IF_ERROR(CheckStructure(acknowledge.agent_id(), path.Field("agent_id")));
    return CheckStructure(acknowledge.task_id(), path.Field("task_id"));
  }
  return CheckStructure(acknowledge, path);
}

absl::Status CheckUuid(const std::string& uuid, const FieldPath& path) {
  if (uuid.size() == kUuidBytes) return absl::OkStatus();
  return path.Fault("must have ", kUuidBytes, " bytes, got ", uuid.size());
}

absl::Status CheckSubscribe(const Call& call, const FieldPath& path) {
  const std::string& id = call.framework_id().value();
  if (id == call.subscribe().framework_info().id().value()) return absl::OkStatus();
  return path.Field("framework_id")
      .Fault("must equal subscribe.framework_info.id, got '", id, "' and '",
             call.subscribe().framework_info().id().value(), "'");
}

absl::Status CheckUpdateFramework(const Call& call, const FieldPath& path) {
  if (call.framework_id().value() == call.update_framework().framework_info().id().value()) {
    return absl::OkStatus();
  }
  return path.Field("framework_id").Fault("must equal update_framework.framework_info.id");
}

// An operation that lacks its member is the core's to drop: the others of the call go on.
absl::Status CheckOperation(const v1::Offer::Operation& operation, const FieldPath& path) {
  MEROS_RETURN_IF_ERROR(CheckCount(operation.launch().task_infos_size(), kMaxTasksPerLaunch,
                                   path.Field("launch").Field("task_infos")));
  return CheckCount(operation.launch_group().task_group().tasks_size(), kMaxTasksPerLaunch,
                    path.Field("launch_group").Field("task_group").Field("tasks"));
}

absl::Status CheckAccept(const Call::Accept& accept, const FieldPath& path) {
  MEROS_RETURN_IF_ERROR(
      CheckCount(accept.offer_ids_size(), kMaxOffersPerCall, path.Field("offer_ids")));
  MEROS_RETURN_IF_ERROR(
      CheckCount(accept.operations_size(), kMaxOperationsPerAccept, path.Field("operations")));
  for (int i = 0; i < accept.operations_size(); ++i) {
    MEROS_RETURN_IF_ERROR(CheckOperation(accept.operations(i), path.Item("operations", i)));
  }
  return absl::OkStatus();
}

absl::Status CheckAcknowledgeOperation(const Call::AcknowledgeOperationStatus& acknowledge,
                                       const FieldPath& path) {
  if (!acknowledge.has_agent_id()) return path.Field("agent_id").Fault("must be set");
  return CheckUuid(acknowledge.uuid(), path.Field("uuid"));
}

// The member that carries a call's content, if its type needs one.
struct Member {
  absl::string_view name;  // Empty: none needed.
  bool is_set = true;
};

Member MemberOf(const Call& call) {
  switch (call.type()) {
    case Call::SUBSCRIBE: return {"subscribe", call.has_subscribe()};
    case Call::ACCEPT: return {"accept", call.has_accept()};
    case Call::DECLINE: return {"decline", call.has_decline()};
    case Call::ACCEPT_INVERSE_OFFERS:
      return {"accept_inverse_offers", call.has_accept_inverse_offers()};
    case Call::DECLINE_INVERSE_OFFERS:
      return {"decline_inverse_offers", call.has_decline_inverse_offers()};
    case Call::KILL: return {"kill", call.has_kill()};
    case Call::SHUTDOWN: return {"shutdown", call.has_shutdown()};
    case Call::ACKNOWLEDGE: return {"acknowledge", call.has_acknowledge()};
    case Call::ACKNOWLEDGE_OPERATION_STATUS:
      return {"acknowledge_operation_status", call.has_acknowledge_operation_status()};
    case Call::RECONCILE: return {"reconcile", call.has_reconcile()};
    case Call::RECONCILE_OPERATIONS:
      return {"reconcile_operations", call.has_reconcile_operations()};
    case Call::MESSAGE: return {"message", call.has_message()};
    case Call::REQUEST: return {"request", call.has_request()};
    case Call::UPDATE_FRAMEWORK: return {"update_framework", call.has_update_framework()};
    case Call::TEARDOWN:
    case Call::REVIVE:
    case Call::SUPPRESS:
    case Call::UNKNOWN: break;
  }
  return {};
}

// The structure of the members that the type uses; the others are ignored.
absl::Status CheckUsedStructure(const Call& call, const FieldPath& path, const FieldPath& member) {
  if (call.has_framework_id()) {
    MEROS_RETURN_IF_ERROR(CheckStructure(call.framework_id(), path.Field("framework_id")));
  }
  switch (call.type()) {
    case Call::SUBSCRIBE: return CheckStructure(call.subscribe(), member);
    case Call::ACCEPT: return CheckStructure(call.accept(), member);
    case Call::DECLINE: return CheckStructure(call.decline(), member);
    case Call::ACCEPT_INVERSE_OFFERS: return CheckStructure(call.accept_inverse_offers(), member);
    case Call::DECLINE_INVERSE_OFFERS: return CheckStructure(call.decline_inverse_offers(), member);
    case Call::REVIVE: return CheckStructure(call.revive(), path.Field("revive"));
    case Call::SUPPRESS: return CheckStructure(call.suppress(), path.Field("suppress"));
    case Call::KILL: return CheckStructure(call.kill(), member);
    case Call::SHUTDOWN: return CheckStructure(call.shutdown(), member);
    case Call::ACKNOWLEDGE: return CheckAcknowledge(call.acknowledge(), member);
    case Call::ACKNOWLEDGE_OPERATION_STATUS:
      return CheckStructure(call.acknowledge_operation_status(), member);
    case Call::RECONCILE: return CheckStructure(call.reconcile(), member);
    case Call::RECONCILE_OPERATIONS: return CheckStructure(call.reconcile_operations(), member);
    case Call::MESSAGE: return CheckStructure(call.message(), member);
    case Call::REQUEST: return CheckStructure(call.request(), member);
    case Call::UPDATE_FRAMEWORK: return CheckStructure(call.update_framework(), member);
    case Call::TEARDOWN:
    case Call::UNKNOWN: break;
  }
  return absl::OkStatus();
}

// What a type asks for beyond its member being there.
absl::Status CheckContent(const Call& call, const FieldPath& path, const FieldPath& member) {
  switch (call.type()) {
    case Call::SUBSCRIBE: return CheckSubscribe(call, path);
    case Call::UPDATE_FRAMEWORK: return CheckUpdateFramework(call, path);
    case Call::ACCEPT: return CheckAccept(call.accept(), member);
    case Call::DECLINE:
      return CheckCount(call.decline().offer_ids_size(), kMaxOffersPerCall,
                        member.Field("offer_ids"));
    case Call::ACKNOWLEDGE: return CheckUuid(call.acknowledge().uuid(), member.Field("uuid"));
    case Call::ACKNOWLEDGE_OPERATION_STATUS:
      return CheckAcknowledgeOperation(call.acknowledge_operation_status(), member);
    case Call::RECONCILE:
      return CheckCount(call.reconcile().tasks_size(), kMaxTasksPerReconcile,
                        member.Field("tasks"));
    case Call::RECONCILE_OPERATIONS:
      return CheckCount(call.reconcile_operations().operations_size(), kMaxTasksPerReconcile,
                        member.Field("operations"));
    case Call::MESSAGE:
      if (call.message().data().size() <= kMaxMessageBytes) return absl::OkStatus();
      return member.Field("data").Fault("must be at most ", kMaxMessageBytes, " bytes, got ",
                                        call.message().data().size());
    case Call::REQUEST:
      if (!call.request().has_gang_id()) return absl::OkStatus();
      return BundlesFromProto(call.request(), member).status();
    default: return absl::OkStatus();
  }
}

}  // namespace

absl::Status ValidateCall(const Call& call, const FieldPath& path) {
  if (!call.has_type()) return path.Field("type").Fault("must be set");
  if (call.type() == Call::UNKNOWN) {
    return path.Field("type").Annotate(absl::UnimplementedError("is not a known type of call"));
  }
  const Member member = MemberOf(call);
  if (!member.is_set) {
    return path.Field(member.name).Fault("must be set for type ", Call::Type_Name(call.type()));
  }
  if (call.type() != Call::SUBSCRIBE && !call.has_framework_id()) {
    return path.Field("framework_id").Fault("must be set");
  }
  const FieldPath content = path.Field(member.name);
  MEROS_RETURN_IF_ERROR(CheckUsedStructure(call, path, content));
  return CheckContent(call, path, content);
}

absl::Status ValidatePrincipal(const Call& call, const std::optional<std::string>& authenticated,
                               const FieldPath& path) {
  if (!authenticated) return absl::OkStatus();
  const auto check = [&](const v1::FrameworkInfo& info, absl::string_view member) {
    if (!info.has_principal() || info.principal() == *authenticated) return absl::OkStatus();
    // Neither name is repeated: the sender may not be who the message says.
    return path.Field(member)
        .Field("framework_info")
        .Field("principal")
        .Fault("must be the authenticated principal");
  };
  if (call.has_subscribe()) return check(call.subscribe().framework_info(), "subscribe");
  if (call.has_update_framework()) {
    return check(call.update_framework().framework_info(), "update_framework");
  }
  return absl::OkStatus();
}

}  // namespace meros::wire
