#include "libs/linux/cgroups.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/status_macros.h"
#include "libs/linux/files.h"
#include "libs/linux/mountinfo.h"

namespace meros::os {
namespace {

constexpr char kUnifiedMount[] = "/sys/fs/cgroup";

bool Holds(const std::vector<std::string>& list, absl::string_view wanted) {
  return std::find(list.begin(), list.end(), wanted) != list.end();
}

absl::Status MissingController(absl::string_view name, int version) {
  return absl::FailedPreconditionError(
      absl::StrCat("the kernel offers no cgroup v", version, " controller '", name, "'"));
}

absl::StatusOr<std::unique_ptr<Cgroups>> DetectV2(const std::string& root) {
  MEROS_ASSIGN_OR_RETURN(const std::string text,
                         ReadFile(absl::StrCat(kUnifiedMount, "/cgroup.controllers")));
  const std::vector<std::string> offered =
      absl::StrSplit(absl::StripAsciiWhitespace(text), ' ', absl::SkipEmpty());
  for (const char* needed : {"cpu", "memory", "pids"}) {
    if (!Holds(offered, needed)) return MissingController(needed, 2);
  }
  return MakeCgroupsV2(kUnifiedMount, root, {"cpu", "memory", "pids"});
}

}  // namespace

absl::StatusOr<std::unique_ptr<Cgroups>> DetectCgroups(const std::string& root) {
  MEROS_ASSIGN_OR_RETURN(const std::vector<MountEntry> mounts, ReadMountInfo());
  CgroupV1Hierarchies v1;
  bool unified = false;
  for (const MountEntry& mount : mounts) {
    if (mount.mount_point == kUnifiedMount) unified = mount.file_system == "cgroup2";
    if (mount.file_system != "cgroup") continue;
    if (Holds(mount.super_options, "cpu")) v1.cpu = mount.mount_point;
    if (Holds(mount.super_options, "cpuacct")) v1.cpuacct = mount.mount_point;
    if (Holds(mount.super_options, "memory")) v1.memory = mount.mount_point;
    if (Holds(mount.super_options, "pids")) v1.pids = mount.mount_point;
  }
  if (unified) return DetectV2(root);
  if (v1.cpu.empty()) return MissingController("cpu", 1);
  if (v1.memory.empty()) return MissingController("memory", 1);
  if (v1.pids.empty()) return MissingController("pids", 1);
  return MakeCgroupsV1(v1, root);
}

uint64_t CpuSharesV1(uint64_t request_millis) {
  return std::clamp<uint64_t>(request_millis * 1024 / 1000, 2, 262144);
}

uint64_t CpuWeightV2(uint64_t request_millis) {
  return std::clamp<uint64_t>(request_millis / 10, 1, 10000);
}

uint64_t CpuQuotaUs(uint64_t limit_millis) {
  return std::max<uint64_t>(limit_millis * kCpuPeriodUs / 1000, 1000);
}

}  // namespace meros::os
