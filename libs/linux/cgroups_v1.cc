// cgroup v1 (and hybrid machines): one directory per hierarchy. Source of file names and meanings:
// Documentation/admin-guide/cgroup-v1 of the kernel.
#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/linux/cgroup_tree.h"
#include "libs/linux/cgroups.h"
#include "libs/linux/files.h"

namespace meros::os {
namespace {

// v1 reports "no limit" as the largest multiple of the page size; everything near it is none.
constexpr uint64_t kUnlimitedFrom = uint64_t{1} << 62;

void Read(absl::StatusOr<uint64_t> value, std::optional<uint64_t>* to) {
  if (value.ok()) *to = *value;
}

class CgroupsV1 : public Cgroups {
 public:
  CgroupsV1(const CgroupV1Hierarchies& mounts, const std::string& root)
      : root_{Below(mounts.cpu, root), Below(mounts.cpuacct, root), Below(mounts.memory, root),
              Below(mounts.pids, root)} {
    for (const std::string& path : {root_.pids, root_.memory, root_.cpu, root_.cpuacct}) {
      const bool known = std::find(roots_.begin(), roots_.end(), path) != roots_.end();
      if (!path.empty() && !known) roots_.push_back(path);
    }
  }

  int version() const override { return 1; }

  absl::StatusOr<UniqueFd> ClaimRoot() override {
    for (const std::string& root : roots_) MEROS_RETURN_IF_ERROR(MakeDirectories(root));
    return LockCgroup(roots_.front());
  }

  absl::Status Create(const std::string& name) override {
    for (const std::string& root : roots_) {
      MEROS_RETURN_IF_ERROR(MakeDirectories(Below(root, name)));
    }
    return absl::OkStatus();
  }

  absl::Status SetCpu(const std::string& name, const CpuLimits& limits) override {
    const std::string group = Below(root_.cpu, name);
    MEROS_RETURN_IF_ERROR(WriteControl(absl::StrCat(group, "/cpu.shares"),
                                       absl::StrCat(CpuSharesV1(limits.request_millis))));
    const std::string quota =
        limits.limit_millis == 0 ? "-1" : absl::StrCat(CpuQuotaUs(limits.limit_millis));
    if (quota == "-1") return WriteControl(absl::StrCat(group, "/cpu.cfs_quota_us"), quota);
    MEROS_RETURN_IF_ERROR(
        WriteControl(absl::StrCat(group, "/cpu.cfs_period_us"), absl::StrCat(kCpuPeriodUs)));
    return WriteControl(absl::StrCat(group, "/cpu.cfs_quota_us"), quota);
  }

  absl::Status SetMemory(const std::string& name, const MemoryLimits& limits) override {
    const std::string group = Below(root_.memory, name);
    MEROS_RETURN_IF_ERROR(WriteControl(absl::StrCat(group, "/memory.soft_limit_in_bytes"),
                                       Bytes(limits.request_bytes)));
    return SetHardLimit(group, limits.limit_bytes);
  }

  absl::Status SetPids(const std::string& name, uint64_t pids_max) override {
    return WriteControl(absl::StrCat(Below(root_.pids, name), "/pids.max"),
                        pids_max == 0 ? "max" : absl::StrCat(pids_max));
  }

  absl::StatusOr<CgroupEntrance> Enter(const std::string& name) override {
    CgroupEntrance entrance;
    for (const std::string& root : roots_) {
      const std::string path = absl::StrCat(Below(root, name), "/tasks");
      UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
      if (!fd.valid()) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
      entrance.tasks.push_back(std::move(fd));
    }
    return entrance;
  }

  absl::StatusOr<OomWatch> WatchOom(const std::string& name) override {
    const std::string group = Below(root_.memory, name);
    const std::string path = absl::StrCat(group, "/memory.oom_control");
    OomWatch watch;
    watch.fd = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!watch.fd.valid()) return absl::ErrnoToStatus(errno, "cannot create an eventfd");
    watch.control = UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!watch.control.valid())
      return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
    MEROS_RETURN_IF_ERROR(WriteControl(absl::StrCat(group, "/cgroup.event_control"),
                                       absl::StrCat(watch.fd.get(), " ", watch.control.get())));
    return watch;
  }

  // The kernel notifies before it kills, so the count of kills cannot be asked yet.
  bool CheckOom(const std::string&, const OomWatch& watch) override {
    uint64_t events = 0;
    return ::read(watch.fd.get(), &events, sizeof(events)) == sizeof(events) && events > 0;
  }

  uint64_t OomKills(const std::string& name) override {
    return ReadKeyedNumber(absl::StrCat(Below(root_.memory, name), "/memory.oom_control"),
                           "oom_kill")
        .value_or(0);
  }

  uint64_t ForksRefused(const std::string& name) override {
    return ReadKeyedNumber(absl::StrCat(Below(root_.pids, name), "/pids.events"), "max")
        .value_or(0);
  }

  CgroupUsage Usage(const std::string& name) override {
    const std::string cpu = Below(root_.cpu, name);
    const std::string cpuacct = Below(root_.cpuacct, name);
    const std::string memory = Below(root_.memory, name);
    CgroupUsage usage;
    Read(ReadNumber(absl::StrCat(cpuacct, "/cpuacct.usage_user")), &usage.cpu_user_ns);
    Read(ReadNumber(absl::StrCat(cpuacct, "/cpuacct.usage_sys")), &usage.cpu_system_ns);
    Read(ReadKeyedNumber(absl::StrCat(cpu, "/cpu.stat"), "nr_periods"), &usage.cpu_periods);
    Read(ReadKeyedNumber(absl::StrCat(cpu, "/cpu.stat"), "nr_throttled"),
         &usage.cpu_throttled_periods);
    Read(ReadKeyedNumber(absl::StrCat(cpu, "/cpu.stat"), "throttled_time"),
         &usage.cpu_throttled_ns);
    Read(ReadNumber(absl::StrCat(memory, "/memory.usage_in_bytes")), &usage.memory_total_bytes);
    Read(ReadKeyedNumber(absl::StrCat(memory, "/memory.stat"), "total_rss"),
         &usage.memory_rss_bytes);
    Read(ReadKeyedNumber(absl::StrCat(memory, "/memory.stat"), "total_cache"),
         &usage.memory_cache_bytes);
    Read(ReadNumber(absl::StrCat(memory, "/memory.max_usage_in_bytes")), &usage.memory_peak_bytes);
    Read(ReadNumber(absl::StrCat(memory, "/memory.limit_in_bytes")), &usage.memory_limit_bytes);
    if (usage.memory_limit_bytes.value_or(0) >= kUnlimitedFrom) usage.memory_limit_bytes.reset();
    Read(ReadNumber(absl::StrCat(Below(root_.pids, name), "/pids.current")), &usage.pids);
    return usage;
  }

  std::vector<int> Processes(const std::string& name) override {
    return ProcessesBelow(Below(root_.pids, name));
  }

  absl::Status KillAll(const std::string& name) override {
    const std::string group = Below(root_.pids, name);
    if (IsDirectory(group)) {
      // With no room for another process nobody outruns the killing by forking.
      MEROS_RETURN_IF_ERROR(WriteControl(absl::StrCat(group, "/pids.max"), "0"));
    }
    // Every hierarchy is looked at: a start that was interrupted may have joined only some.
    for (const std::string& root : roots_) {
      MEROS_RETURN_IF_ERROR(KillProcessesBelow(Below(root, name)));
    }
    return absl::OkStatus();
  }

  absl::Status Remove(const std::string& name) override {
    absl::Status first_failure;
    for (auto root = roots_.rbegin(); root != roots_.rend(); ++root) {
      first_failure.Update(RemoveCgroupTree(Below(*root, name)));
    }
    return first_failure;
  }

  absl::StatusOr<std::vector<std::string>> List() override {
    std::vector<std::string> names;
    for (const std::string& root : roots_) {
      const std::vector<std::string> here = CgroupsBelow(root);
      names.insert(names.end(), here.begin(), here.end());
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
  }

  absl::Status RemoveRoot() override {
    for (const std::string& root : roots_) {
      if (::rmdir(root.c_str()) != 0 && errno != ENOENT) {
        return absl::FailedPreconditionError(absl::StrCat("cgroup ", root, " is not empty"));
      }
    }
    return absl::OkStatus();
  }

 private:
  static std::string Below(const std::string& directory, const std::string& name) {
    return directory.empty() ? directory : absl::StrCat(directory, "/", name);
  }

  static std::string Bytes(uint64_t bytes) { return bytes == 0 ? "-1" : absl::StrCat(bytes); }

  // memory+swap must never be below memory, so the order of writing depends on the direction. Where
  // the kernel does not account swap, swappiness 0 keeps the group out of it.
  static absl::Status SetHardLimit(const std::string& group, uint64_t limit_bytes) {
    const std::string plain = absl::StrCat(group, "/memory.limit_in_bytes");
    const std::string with_swap = absl::StrCat(group, "/memory.memsw.limit_in_bytes");
    const std::string value = Bytes(limit_bytes);
    const absl::StatusOr<uint64_t> present = ReadNumber(with_swap);
    if (!present.ok()) {
      if (limit_bytes != 0) {
        WriteControl(absl::StrCat(group, "/memory.swappiness"), "0").IgnoreError();
      }
      return AsRefused(WriteControl(plain, value));
    }
    const bool raising = limit_bytes == 0 || limit_bytes >= *present;
    MEROS_RETURN_IF_ERROR(AsRefused(WriteControl(raising ? with_swap : plain, value)));
    return AsRefused(WriteControl(raising ? plain : with_swap, value));
  }

  static absl::Status AsRefused(absl::Status status) {
    if (status.ok() || absl::IsNotFound(status)) return status;
    return absl::FailedPreconditionError(status.message());
  }

  const CgroupV1Hierarchies root_;  // our root group in each hierarchy
  std::vector<std::string> roots_;  // the same without repetition (hierarchies may be co-mounted)
};

}  // namespace

std::unique_ptr<Cgroups> MakeCgroupsV1(const CgroupV1Hierarchies& hierarchies,
                                       const std::string& root) {
  return std::make_unique<CgroupsV1>(hierarchies, root);
}

}  // namespace meros::os
