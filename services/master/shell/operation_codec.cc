#include "services/master/shell/operation_codec.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/wire/launch_rules.h"
#include "libs/wire/limits.h"
#include "libs/wire/operations.h"
#include "libs/wire/structure.h"
#include "services/master/shell/disk_operations.h"

namespace meros::master {
namespace {

using resources::Resource;
using resources::Resources;
using wire::FieldPath;
using ProtoOperation = v1::Offer::Operation;

// Calls `visit` with every Resources, or Resource, of the operation.
template <typename Visitor>
void VisitParts(resources::Operation* operation, Visitor visit) {
  struct Parts {
    Visitor& visit;
    void operator()(resources::Reserve& op) const {
      visit(&op.target);
      visit(&op.source);
    }
    void operator()(resources::Unreserve& op) const { visit(&op.resources); }
    void operator()(resources::CreateVolumes& op) const { visit(&op.volumes); }
    void operator()(resources::DestroyVolumes& op) const { visit(&op.volumes); }
    void operator()(resources::GrowVolume& op) const {
      visit(&op.volume);
      visit(&op.addition);
    }
    void operator()(resources::ShrinkVolume& op) const { visit(&op.volume); }
  };
  std::visit(Parts{visit}, *operation);
}

// Takes the allocation off and keeps the role that was named.
struct Deallocate {
  std::optional<std::string>* role;
  bool* is_mixed;

  void Note(const Resources& resources) const {
    for (const Resource& resource : resources) {
      const std::string& named = resource.metadata()->allocation_role;
      if (named.empty()) continue;
      if (role->has_value() && **role != named) *is_mixed = true;
      *role = named;
    }
  }
  void operator()(Resources* resources) const {
    Note(*resources);
    *resources = resources->WithoutAllocation();
  }
  void operator()(Resource* resource) const {
    Resources one(*resource);
    (*this)(&one);
    *resource = *one.begin();
  }
};

absl::Status Decode(const ProtoOperation& message, const FieldPath& path, ResourceOperation* out) {
  MEROS_RETURN_IF_ERROR(wire::CheckOperationMember(message, path));
  if (message.type() == ProtoOperation::CREATE_DISK) {
    return FaultOfCreateDisk(message.create_disk(), path.Field("create_disk"));
  }
  if (message.type() == ProtoOperation::DESTROY_DISK) {
    return FaultOfDestroyDisk(message.destroy_disk(), path.Field("destroy_disk"));
  }
  MEROS_ASSIGN_OR_RETURN(resources::Operation operation,
                         wire::OperationFromProto(message, "", path));
  bool is_mixed = false;
  VisitParts(&operation, Deallocate{&out->allocation_role, &is_mixed});
  if (is_mixed) return path.Fault("resources are allocated to more than one role");
  out->content = std::move(operation);
  return absl::OkStatus();
}

template <typename Request>
absl::StatusOr<OperatorOperation> Decode(const Request& request, ProtoOperation operation) {
  const FieldPath path;
  MEROS_RETURN_IF_ERROR(wire::CheckStructure(request, path));
  MEROS_RETURN_IF_ERROR(wire::CheckId(request.agent_id(), path.Field("agent_id")));
  OperatorOperation call;
  call.request_id = request.request_id();
  call.agent_id = AgentId(request.agent_id().value());
  call.operation = DecodeOperation(&operation, path);
  MEROS_RETURN_IF_ERROR(call.operation.fault);
  if (call.operation.allocation_role.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "allocation_info: must not be set, is for role '", *call.operation.allocation_role, "'"));
  }
  return call;
}

// Calls `visit` with each resource of the message.
template <typename Visitor>
void ForEachResource(ProtoOperation* message, Visitor visit) {
  const auto each = [&visit](auto* list) {
    for (v1::Resource& resource : *list) visit(&resource);
  };
  switch (message->type()) {
    case ProtoOperation::RESERVE:
      return each(message->mutable_reserve()->mutable_resources());
    case ProtoOperation::UNRESERVE:
      return each(message->mutable_unreserve()->mutable_resources());
    case ProtoOperation::CREATE:
      return each(message->mutable_create()->mutable_volumes());
    case ProtoOperation::DESTROY:
      return each(message->mutable_destroy()->mutable_volumes());
    case ProtoOperation::GROW_VOLUME:
      visit(message->mutable_grow_volume()->mutable_volume());
      return visit(message->mutable_grow_volume()->mutable_addition());
    case ProtoOperation::SHRINK_VOLUME:
      return visit(message->mutable_shrink_volume()->mutable_volume());
    default:
      return;
  }
}

absl::Status CheckUuid(const std::string& uuid, const FieldPath& path) {
  if (uuid.size() == wire::kUuidBytes) return absl::OkStatus();
  return path.Fault("must have ", wire::kUuidBytes, " bytes, has ", uuid.size());
}

}  // namespace

ResourceOperation DecodeOperation(ProtoOperation* message, const FieldPath& path) {
  ResourceOperation operation;
  operation.id = message->id().value();
  operation.name = ProtoOperation::Type_Name(message->type());
  operation.fault = Decode(*message, path, &operation);
  auto info = std::make_shared<ProtoOperation>();
  info->Swap(message);
  operation.info = std::move(info);
  return operation;
}

absl::StatusOr<OperatorOperation> DecodeCall(const v1::master::ReserveResourcesRequest& request) {
  ProtoOperation operation;
  operation.set_type(ProtoOperation::RESERVE);
  *operation.mutable_reserve()->mutable_resources() = request.resources();
  *operation.mutable_reserve()->mutable_source() = request.source();
  return Decode(request, std::move(operation));
}

absl::StatusOr<OperatorOperation> DecodeCall(const v1::master::UnreserveResourcesRequest& request) {
  ProtoOperation operation;
  operation.set_type(ProtoOperation::UNRESERVE);
  *operation.mutable_unreserve()->mutable_resources() = request.resources();
  return Decode(request, std::move(operation));
}

absl::StatusOr<OperatorOperation> DecodeCall(const v1::master::CreateVolumesRequest& request) {
  ProtoOperation operation;
  operation.set_type(ProtoOperation::CREATE);
  *operation.mutable_create()->mutable_volumes() = request.volumes();
  return Decode(request, std::move(operation));
}

absl::StatusOr<OperatorOperation> DecodeCall(const v1::master::DestroyVolumesRequest& request) {
  ProtoOperation operation;
  operation.set_type(ProtoOperation::DESTROY);
  *operation.mutable_destroy()->mutable_volumes() = request.volumes();
  return Decode(request, std::move(operation));
}

absl::StatusOr<OperatorOperation> DecodeCall(const v1::master::GrowVolumeRequest& request) {
  ProtoOperation operation;
  operation.set_type(ProtoOperation::GROW_VOLUME);
  *operation.mutable_grow_volume()->mutable_volume() = request.volume();
  *operation.mutable_grow_volume()->mutable_addition() = request.addition();
  return Decode(request, std::move(operation));
}

absl::StatusOr<OperatorOperation> DecodeCall(const v1::master::ShrinkVolumeRequest& request) {
  ProtoOperation operation;
  operation.set_type(ProtoOperation::SHRINK_VOLUME);
  *operation.mutable_shrink_volume()->mutable_volume() = request.volume();
  operation.mutable_shrink_volume()->mutable_subtract()->set_value(request.subtract_mb());
  return Decode(request, std::move(operation));
}

absl::StatusOr<AgentOperationUpdate> DecodeUpdate(agent_link::v1::OperationUpdate* message,
                                                  StreamId stream, const FieldPath& path) {
  const FieldPath status_path = path.Field("status");
  MEROS_RETURN_IF_ERROR(CheckUuid(message->operation_uuid(), path.Field("operation_uuid")));
  MEROS_RETURN_IF_ERROR(wire::CheckStructure(message->status(), status_path));
  MEROS_RETURN_IF_ERROR(CheckUuid(message->status().uuid().value(), status_path.Field("uuid")));
  AgentOperationUpdate update;
  update.stream = stream;
  update.operation_uuid = std::move(*message->mutable_operation_uuid());
  update.status = std::make_shared<v1::OperationStatus>(std::move(*message->mutable_status()));
  return update;
}

absl::StatusOr<ReportedOperation> DecodeReport(const v1::Operation& message,
                                               const FieldPath& path) {
  MEROS_RETURN_IF_ERROR(wire::CheckStructure(message, path));
  MEROS_RETURN_IF_ERROR(CheckUuid(message.uuid().value(), path.Field("uuid")));
  ReportedOperation operation;
  operation.uuid = message.uuid().value();
  operation.framework_id = FrameworkId(message.framework_id().value());
  operation.status = std::make_shared<v1::OperationStatus>(message.latest_status());
  operation.info = std::make_shared<ProtoOperation>(message.info());
  return operation;
}

void Encode(const ApplyOperationMessage& message, agent_link::v1::ApplyOperation* out) {
  out->set_framework_id(message.framework_id.value());
  out->set_operation_uuid(message.operation_uuid);
  out->set_resource_version_uuid(message.resource_version_uuid);
  *out->mutable_operation() = *message.operation;
  if (message.role.empty()) return;
  ForEachResource(out->mutable_operation(), [&message](v1::Resource* resource) {
    resource->mutable_allocation_info()->set_role(message.role);
  });
}

}  // namespace meros::master
