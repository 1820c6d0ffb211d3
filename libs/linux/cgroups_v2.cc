// cgroup v2: one directory per group. Source of file names and meanings:
// Documentation/admin-guide/cgroup-v2.rst of the kernel.
#include <errno.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/status_macros.h"
#include "libs/linux/cgroup_tree.h"
#include "libs/linux/cgroups.h"
#include "libs/linux/files.h"

namespace meros::os {
namespace {

void Read(absl::StatusOr<uint64_t> value, std::optional<uint64_t>* to, uint64_t unit = 1) {
  if (value.ok()) *to = *value * unit;
}

class CgroupsV2 : public Cgroups {
 public:
  CgroupsV2(const std::string& mount_point, const std::string& root,
            const std::vector<std::string>& controllers)
      : mount_point_(mount_point), root_(absl::StrCat(mount_point, "/", root)) {
    for (const std::string& controller : controllers) {
      absl::StrAppend(&enable_, enable_.empty() ? "+" : " +", controller);
    }
  }

  int version() const override { return 2; }

  absl::StatusOr<UniqueFd> ClaimRoot() override {
    if (!IsDirectory(root_)) MEROS_RETURN_IF_ERROR(CreateRoot());
    return LockCgroup(root_);
  }

  absl::Status Create(const std::string& name) override {
    if (!IsDirectory(root_)) MEROS_RETURN_IF_ERROR(CreateRoot());
    return MakeDirectories(Group(name));
  }

  absl::Status SetCpu(const std::string& name, const CpuLimits& limits) override {
    MEROS_RETURN_IF_ERROR(WriteControl(absl::StrCat(Group(name), "/cpu.weight"),
                                       absl::StrCat(CpuWeightV2(limits.request_millis))));
    const std::string quota =
        limits.limit_millis == 0 ? "max" : absl::StrCat(CpuQuotaUs(limits.limit_millis));
    return WriteControl(absl::StrCat(Group(name), "/cpu.max"),
                        absl::StrCat(quota, " ", kCpuPeriodUs));
  }

  absl::Status SetMemory(const std::string& name, const MemoryLimits& limits) override {
    const std::string group = Group(name);
    MEROS_RETURN_IF_ERROR(
        WriteControl(absl::StrCat(group, "/memory.low"), absl::StrCat(limits.request_bytes)));
    MEROS_RETURN_IF_ERROR(WriteControl(absl::StrCat(group, "/memory.oom.group"), "1"));
    // Absent when the kernel has no swap accounting; there is then nothing to forbid.
    const absl::Status no_swap = WriteControl(absl::StrCat(group, "/memory.swap.max"),
                                              limits.limit_bytes == 0 ? "max" : "0");
    if (!no_swap.ok() && !absl::IsNotFound(no_swap)) return no_swap;
    const uint64_t in_use = ReadNumber(absl::StrCat(group, "/memory.current")).value_or(0);
    if (limits.limit_bytes != 0 && in_use > limits.limit_bytes) {
      // The kernel would take the limit and kill; asked politely we refuse, as v1 does.
      return absl::FailedPreconditionError(absl::StrCat("memory limit ", limits.limit_bytes,
                                                        " is below the ", in_use, " bytes in use"));
    }
    return WriteControl(absl::StrCat(group, "/memory.max"),
                        limits.limit_bytes == 0 ? "max" : absl::StrCat(limits.limit_bytes));
  }

  absl::Status SetPids(const std::string& name, uint64_t pids_max) override {
    return WriteControl(absl::StrCat(Group(name), "/pids.max"),
                        pids_max == 0 ? "max" : absl::StrCat(pids_max));
  }

  absl::StatusOr<CgroupEntrance> Enter(const std::string& name) override {
    CgroupEntrance entrance;
    entrance.directory = UniqueFd(::open(Group(name).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!entrance.directory.valid()) {
      return absl::ErrnoToStatus(errno, absl::StrCat("cannot open cgroup ", Group(name)));
    }
    return entrance;
  }

  absl::StatusOr<OomWatch> WatchOom(const std::string& name) override {
    const std::string path = absl::StrCat(Group(name), "/memory.events");
    OomWatch watch;
    watch.fd = UniqueFd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!watch.fd.valid()) return absl::ErrnoToStatus(errno, "cannot create an inotify instance");
    if (::inotify_add_watch(watch.fd.get(), path.c_str(), IN_MODIFY) < 0) {
      return absl::ErrnoToStatus(errno, absl::StrCat("cannot watch ", path));
    }
    return watch;
  }

  // memory.events also changes when memory is merely reclaimed.
  bool CheckOom(const std::string& name, const OomWatch& watch) override {
    char events[4096];
    while (::read(watch.fd.get(), events, sizeof(events)) > 0) {
    }
    return OomKills(name) > 0;
  }

  uint64_t OomKills(const std::string& name) override {
    return ReadKeyedNumber(absl::StrCat(Group(name), "/memory.events"), "oom_kill").value_or(0);
  }

  uint64_t ForksRefused(const std::string& name) override {
    return ReadKeyedNumber(absl::StrCat(Group(name), "/pids.events"), "max").value_or(0);
  }

  CgroupUsage Usage(const std::string& name) override {
    const std::string group = Group(name);
    const std::string cpu = absl::StrCat(group, "/cpu.stat");
    const std::string memory = absl::StrCat(group, "/memory.stat");
    CgroupUsage usage;
    Read(ReadKeyedNumber(cpu, "user_usec"), &usage.cpu_user_ns, 1000);
    Read(ReadKeyedNumber(cpu, "system_usec"), &usage.cpu_system_ns, 1000);
    Read(ReadKeyedNumber(cpu, "nr_periods"), &usage.cpu_periods);
    Read(ReadKeyedNumber(cpu, "nr_throttled"), &usage.cpu_throttled_periods);
    Read(ReadKeyedNumber(cpu, "throttled_usec"), &usage.cpu_throttled_ns, 1000);
    Read(ReadNumber(absl::StrCat(group, "/memory.current")), &usage.memory_total_bytes);
    Read(ReadKeyedNumber(memory, "anon"), &usage.memory_rss_bytes);
    Read(ReadKeyedNumber(memory, "file"), &usage.memory_cache_bytes);
    Read(ReadNumber(absl::StrCat(group, "/memory.peak")), &usage.memory_peak_bytes);
    Read(ReadNumber(absl::StrCat(group, "/memory.max")), &usage.memory_limit_bytes);
    if (usage.memory_limit_bytes == UINT64_MAX) usage.memory_limit_bytes.reset();
    Read(ReadNumber(absl::StrCat(group, "/pids.current")), &usage.pids);
    return usage;
  }

  std::vector<int> Processes(const std::string& name) override {
    return ProcessesBelow(Group(name));
  }

  absl::Status KillAll(const std::string& name) override {
    const absl::Status killed = WriteControl(absl::StrCat(Group(name), "/cgroup.kill"), "1");
    if (killed.ok() || !IsDirectory(Group(name))) return absl::OkStatus();
    // Kernels before 5.14 have no cgroup.kill.
    WriteControl(absl::StrCat(Group(name), "/pids.max"), "0").IgnoreError();
    return KillProcessesBelow(Group(name));
  }

  absl::Status Remove(const std::string& name) override { return RemoveCgroupTree(Group(name)); }

  absl::StatusOr<std::vector<std::string>> List() override { return CgroupsBelow(root_); }

  absl::Status RemoveRoot() override {
    if (::rmdir(root_.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
    return absl::FailedPreconditionError(absl::StrCat("cgroup ", root_, " is not empty"));
  }

 private:
  std::string Group(const std::string& name) const { return absl::StrCat(root_, "/", name); }

  // A controller works in a group when all its ancestors pass it on.
  absl::Status CreateRoot() {
    MEROS_RETURN_IF_ERROR(MakeDirectories(root_));
    if (enable_.empty()) return absl::OkStatus();
    std::string path = mount_point_;
    MEROS_RETURN_IF_ERROR(WriteControl(absl::StrCat(path, "/cgroup.subtree_control"), enable_));
    const absl::string_view below = absl::string_view(root_).substr(mount_point_.size());
    for (const absl::string_view part : absl::StrSplit(below, '/', absl::SkipEmpty())) {
      absl::StrAppend(&path, "/", part);
      MEROS_RETURN_IF_ERROR(WriteControl(absl::StrCat(path, "/cgroup.subtree_control"), enable_));
    }
    return absl::OkStatus();
  }

  const std::string mount_point_;
  const std::string root_;
  std::string enable_;  // "+cpu +memory +pids"
};

}  // namespace

std::unique_ptr<Cgroups> MakeCgroupsV2(const std::string& mount_point, const std::string& root,
                                       const std::vector<std::string>& controllers) {
  return std::make_unique<CgroupsV2>(mount_point, root, controllers);
}

}  // namespace meros::os
