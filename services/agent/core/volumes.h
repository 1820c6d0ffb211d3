// Where persistent volumes are on disk, and under which names tasks see them.
//
//   <work_dir>/volumes/roles/ROLE/ID       of the root disk; a '/' in ROLE is written as a space
//   <path root>/volumes/roles/ROLE/ID      of a PATH disk
//   <mount root>                           of a MOUNT disk: the whole file system is the volume
//
// A task sees a volume through a link in its sandbox, at the container path that it asks for. So
// the path is relative, and read-only volumes, which a link cannot keep anyone from writing to, are
// refused.
//
// Thread rule: pure functions; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/resources/resources.h"

namespace meros::agent {

struct VolumeDirectory {
  std::string path;       // absolute
  bool is_mount = false;  // emptied instead of deleted

  friend bool operator==(const VolumeDirectory&, const VolumeDirectory&) = default;
};

// REQUIRES: a persistent volume. ERRORS: Unimplemented for block devices, raw disks and those of
// resource providers.
absl::StatusOr<VolumeDirectory> DirectoryOf(const std::string& work_dir,
                                            const resources::Resource& volume);

// A name in a sandbox for a volume.
struct VolumeLink {
  std::string volume;  // absolute path of the volume's directory
  std::string path;    // relative, below the sandbox
  bool is_shared = false;
};

// One for each persistent volume of `used`. ERRORS: Unimplemented and InvalidArgument, in words for
// whoever launches the task.
absl::StatusOr<std::vector<VolumeLink>> LinksOf(const std::string& work_dir,
                                                const resources::Resources& used);

}  // namespace meros::agent
