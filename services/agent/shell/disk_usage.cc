#include "services/agent/shell/disk_usage.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"

namespace meros::agent {

absl::Duration AllowedAge(absl::Duration gc_delay, double headroom, double usage) {
  return gc_delay * std::max(0.0, 1.0 - headroom - usage);
}

absl::StatusOr<double> DiskUsage(const std::string& path) {
  struct statvfs stats;
  if (::statvfs(path.c_str(), &stats) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("file system of ", path));
  }
  if (stats.f_blocks == 0) return 0.0;
  return 1.0 - static_cast<double>(stats.f_bavail) / static_cast<double>(stats.f_blocks);
}

}  // namespace meros::agent
