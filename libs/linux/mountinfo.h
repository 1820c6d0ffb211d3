// The mount table of this process, /proc/self/mountinfo; see proc(5).
//
// Thread rule: immutable values.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace meros::os {

struct MountEntry {
  std::string mount_point;                 // unescaped
  std::string file_system;                 // "cgroup", "cgroup2", "proc", ...
  std::vector<std::string> super_options;  // of the file system; for cgroup v1 its controllers
};

// Lines that cannot be understood are left out.
std::vector<MountEntry> ParseMountInfo(absl::string_view text);

// The present table, in mount order: of two entries for one mount point the later one is visible.
absl::StatusOr<std::vector<MountEntry>> ReadMountInfo();

}  // namespace meros::os
