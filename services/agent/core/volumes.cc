#include "services/agent/core/volumes.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "libs/base/status_macros.h"

namespace meros::agent {

using resources::DiskSource;

absl::StatusOr<VolumeDirectory> DirectoryOf(const std::string& work_dir,
                                            const resources::Resource& volume) {
  const resources::Metadata& metadata = *volume.metadata();
  const std::optional<DiskSource>& source = metadata.disk->source;
  if (metadata.provider_id.has_value()) {
    return absl::UnimplementedError(
        "volumes of resource providers are not supported by this agent");
  }
  std::string root = work_dir;
  if (source.has_value()) {
    if (source->kind != DiskSource::Kind::kPath && source->kind != DiskSource::Kind::kMount) {
      return absl::UnimplementedError("block and raw volumes are not supported by this agent");
    }
    if (!source->root.has_value() || !absl::StartsWith(*source->root, "/")) {
      return absl::UnimplementedError("the disk's root must be an absolute path");
    }
    root = *source->root;
    if (source->kind == DiskSource::Kind::kMount) return VolumeDirectory{root, true};
  }
  // One component for a role, so that a volume of "eng" and one of "eng/web" never meet; no role
  // has a space in its name.
  const std::string role = absl::StrReplaceAll(ReservationRole(metadata), {{"/", " "}});
  return VolumeDirectory{
      absl::StrCat(root, "/volumes/roles/", role, "/", metadata.disk->persistence->id)};
}

namespace {

absl::StatusOr<std::string> PathOf(const resources::DiskVolume& volume, const std::string& id) {
  const std::string& path = volume.container_path;
  if (volume.read_only) {
    return absl::UnimplementedError(
        absl::StrCat("volume ", id, ": read-only volumes are not supported by this agent"));
  }
  if (absl::StartsWith(path, "/")) {
    return absl::UnimplementedError(absl::StrCat(
        "volume ", id, ": container_path must be relative to the sandbox, is '", path, "'"));
  }
  for (const absl::string_view part : absl::StrSplit(path, '/')) {
    if (part.empty() || part == "." || part == "..") {
      return absl::InvalidArgumentError(absl::StrCat("volume ", id, ": container_path '", path,
                                                     "' must name no empty, '.' or "
                                                     "'..' part"));
    }
  }
  return path;
}

}  // namespace

absl::StatusOr<std::vector<VolumeLink>> LinksOf(const std::string& work_dir,
                                                const resources::Resources& used) {
  std::vector<VolumeLink> links;
  for (const resources::Resource& volume : used.PersistentVolumes()) {
    const resources::Disk& disk = *volume.metadata()->disk;
    MEROS_ASSIGN_OR_RETURN(VolumeDirectory directory, DirectoryOf(work_dir, volume));
    MEROS_ASSIGN_OR_RETURN(std::string path, PathOf(*disk.volume, disk.persistence->id));
    links.push_back({std::move(directory.path), std::move(path), volume.is_shared()});
  }
  return links;
}

}  // namespace meros::agent
