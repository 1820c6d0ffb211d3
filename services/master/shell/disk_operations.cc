#include "services/master/shell/disk_operations.h"

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/wire/resources_proto.h"

namespace meros::master {
namespace {

using resources::DiskSource;
using wire::FieldPath;

// The disk that both operations begin with, as far as they have it in common.
absl::StatusOr<resources::Resource> ProvidedDisk(const v1::Resource& message,
                                                 const FieldPath& path) {
  MEROS_ASSIGN_OR_RETURN(resources::Resource source, wire::ResourceFromProto(message, path));
  if (source.empty()) return path.Fault("must not be empty");
  if (!source.metadata()->provider_id.has_value()) {
    return path.Field("provider_id")
        .Fault("must be set: only disks of resource providers can be made and destroyed");
  }
  return source;
}

// Null for a disk of no other kind than the agent's own.
const DiskSource* SourceOf(const resources::Resource& disk) {
  const auto& info = disk.metadata()->disk;
  return info.has_value() && info->source.has_value() ? &*info->source : nullptr;
}

absl::Status NoSuchProvider(const resources::Resource& disk) {
  return absl::FailedPreconditionError(absl::StrCat("the offers hold nothing of resource provider ",
                                                    *disk.metadata()->provider_id,
                                                    ": no agent has resource providers"));
}

}  // namespace

absl::Status FaultOfCreateDisk(const v1::Offer::Operation::CreateDisk& create,
                               const FieldPath& path) {
  const FieldPath place = path.Field("source");
  MEROS_ASSIGN_OR_RETURN(const resources::Resource disk, ProvidedDisk(create.source(), place));
  const DiskSource* source = SourceOf(disk);
  if (source == nullptr || source->kind != DiskSource::Kind::kRaw) {
    return place.Fault("must be a RAW disk");
  }
  using Source = v1::Resource::DiskInfo::Source;
  if (create.target_type() != Source::MOUNT && create.target_type() != Source::BLOCK) {
    return path.Field("target_type").Fault("must be MOUNT or BLOCK");
  }
  if (source->profile.has_value() == create.has_target_profile()) {
    return path.Field("target_profile")
        .Fault(create.has_target_profile() ? "must not be set: the source has a profile"
                                           : "must be set: the source has no profile");
  }
  return NoSuchProvider(disk);
}

absl::Status FaultOfDestroyDisk(const v1::Offer::Operation::DestroyDisk& destroy,
                                const FieldPath& path) {
  const FieldPath place = path.Field("source");
  MEROS_ASSIGN_OR_RETURN(const resources::Resource disk, ProvidedDisk(destroy.source(), place));
  const DiskSource* source = SourceOf(disk);
  if (source == nullptr || source->kind == DiskSource::Kind::kPath) {
    return place.Fault("must be a MOUNT, BLOCK or RAW disk");
  }
  if (!source->id.has_value()) {
    return place.Field("disk").Field("source").Field("id").Fault(
        "must be set: there is no volume behind it to destroy");
  }
  if (disk.is_persistent_volume()) {
    return place.Fault("must not be a persistent volume: destroy that first");
  }
  return NoSuchProvider(disk);
}

}  // namespace meros::master
