#include "libs/wire/operations.h"

#include <utility>

#include "libs/base/status_macros.h"
#include "libs/wire/resources_proto.h"

namespace meros::wire {
namespace {

using resources::Resource;
using resources::Resources;

// Reads the resources of one operation.
class Reader {
 public:
  explicit Reader(absl::string_view allocation_role) : allocation_role_(allocation_role) {}

  absl::StatusOr<Resources> List(const ResourceList& list, const FieldPath& path,
                                 absl::string_view name) const {
    MEROS_ASSIGN_OR_RETURN(const Resources resources, ResourcesFromProto(list, path, name));
    return Allocated(resources);
  }

  absl::StatusOr<Resource> One(const v1::Resource& message, const FieldPath& path) const {
    MEROS_ASSIGN_OR_RETURN(const Resource resource, ResourceFromProto(message, path));
    if (resource.empty()) return path.Fault("must not be empty");
    return *Allocated(Resources(resource)).begin();
  }

 private:
  Resources Allocated(const Resources& resources) const {
    return allocation_role_.empty() ? resources
                                    : resources.WithDefaultAllocationRole(allocation_role_);
  }

  const absl::string_view allocation_role_;
};

absl::StatusOr<resources::Operation> ReadResize(const v1::Offer::Operation& message,
                                                const Reader& reader, const FieldPath& path) {
  if (message.type() == v1::Offer::Operation::GROW_VOLUME) {
    const FieldPath grow = path.Field("grow_volume");
    MEROS_ASSIGN_OR_RETURN(Resource volume,
                           reader.One(message.grow_volume().volume(), grow.Field("volume")));
    MEROS_ASSIGN_OR_RETURN(Resource addition,
                           reader.One(message.grow_volume().addition(), grow.Field("addition")));
    return resources::Operation(resources::GrowVolume{std::move(volume), std::move(addition)});
  }
  const FieldPath shrink = path.Field("shrink_volume");
  MEROS_ASSIGN_OR_RETURN(Resource volume,
                         reader.One(message.shrink_volume().volume(), shrink.Field("volume")));
  MEROS_ASSIGN_OR_RETURN(
      const resources::Scalar subtract,
      ScalarFromProto(message.shrink_volume().subtract(), shrink.Field("subtract")));
  return resources::Operation(resources::ShrinkVolume{std::move(volume), subtract});
}

}  // namespace

absl::Status CheckOperationMember(const v1::Offer::Operation& operation, const FieldPath& path) {
  using Operation = v1::Offer::Operation;
  const auto need = [&](bool has, absl::string_view member) {
    return has ? absl::OkStatus() : path.Field(member).Fault("must be set");
  };
  switch (operation.type()) {
    case Operation::LAUNCH: return need(operation.has_launch(), "launch");
    case Operation::LAUNCH_GROUP: return need(operation.has_launch_group(), "launch_group");
    case Operation::RESERVE: return need(operation.has_reserve(), "reserve");
    case Operation::UNRESERVE: return need(operation.has_unreserve(), "unreserve");
    case Operation::CREATE: return need(operation.has_create(), "create");
    case Operation::DESTROY: return need(operation.has_destroy(), "destroy");
    case Operation::GROW_VOLUME: return need(operation.has_grow_volume(), "grow_volume");
    case Operation::SHRINK_VOLUME: return need(operation.has_shrink_volume(), "shrink_volume");
    case Operation::CREATE_DISK: return need(operation.has_create_disk(), "create_disk");
    case Operation::DESTROY_DISK: return need(operation.has_destroy_disk(), "destroy_disk");
    case Operation::UNKNOWN: break;
  }
  return path.Field("type").Fault("must be a known type");
}

absl::StatusOr<resources::Operation> OperationFromProto(const v1::Offer::Operation& message,
                                                        absl::string_view allocation_role,
                                                        const FieldPath& path) {
  using Operation = v1::Offer::Operation;
  const Reader reader(allocation_role);
  switch (message.type()) {
    case Operation::RESERVE: {
      const FieldPath place = path.Field("reserve");
      resources::Reserve reserve;
      MEROS_ASSIGN_OR_RETURN(reserve.target,
                             reader.List(message.reserve().resources(), place, "resources"));
      MEROS_ASSIGN_OR_RETURN(reserve.source,
                             reader.List(message.reserve().source(), place, "source"));
      return resources::Operation(std::move(reserve));
    }
    case Operation::UNRESERVE: {
      MEROS_ASSIGN_OR_RETURN(Resources list, reader.List(message.unreserve().resources(),
                                                         path.Field("unreserve"), "resources"));
      return resources::Operation(resources::Unreserve{std::move(list)});
    }
    case Operation::CREATE: {
      MEROS_ASSIGN_OR_RETURN(
          Resources list, reader.List(message.create().volumes(), path.Field("create"), "volumes"));
      return resources::Operation(resources::CreateVolumes{std::move(list)});
    }
    case Operation::DESTROY: {
      MEROS_ASSIGN_OR_RETURN(Resources list, reader.List(message.destroy().volumes(),
                                                         path.Field("destroy"), "volumes"));
      return resources::Operation(resources::DestroyVolumes{std::move(list)});
    }
    case Operation::GROW_VOLUME:
    case Operation::SHRINK_VOLUME: return ReadResize(message, reader, path);
    default:
      return path.Annotate(absl::UnimplementedError(
          absl::StrCat(Operation::Type_Name(message.type()), " is not a conversion of resources")));
  }
}

}  // namespace meros::wire
