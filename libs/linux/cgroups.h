// Control groups, version 1 and version 2, behind one interface: what a container may use, what it
// uses, and the certainty that nothing of it is left. Groups are named by one path component below
// one root group of ours; nothing outside that root is ever touched.
//
// On a v1 (or hybrid) machine a group is one directory in each of the hierarchies cpu, cpuacct,
// memory and pids; on a v2 machine it is one directory. A machine is v2 when cgroup2 with its
// controllers is mounted at /sys/fs/cgroup.
//
// Thread rule: thread-safe; calls for one group are the caller's to order.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "libs/linux/unique_fd.h"

namespace meros::os {

// Cpu amounts in thousandths of a cpu; 0 means none.
struct CpuLimits {
  uint64_t request_millis = 0;  // share when cpus are scarce
  uint64_t limit_millis = 0;    // ceiling, per period of 100 ms
};

// Bytes; 0 means none.
struct MemoryLimits {
  uint64_t request_bytes = 0;  // protected (v2) or reclaimed down to (v1) when memory is scarce
  uint64_t limit_bytes = 0;    // above it the out-of-memory killer strikes; swap does not help
};

// Absent where the kernel does not say.
struct CgroupUsage {
  std::optional<uint64_t> cpu_user_ns;
  std::optional<uint64_t> cpu_system_ns;
  std::optional<uint64_t> cpu_periods;
  std::optional<uint64_t> cpu_throttled_periods;
  std::optional<uint64_t> cpu_throttled_ns;
  std::optional<uint64_t> memory_total_bytes;
  std::optional<uint64_t> memory_rss_bytes;
  std::optional<uint64_t> memory_cache_bytes;
  std::optional<uint64_t> memory_peak_bytes;
  std::optional<uint64_t> memory_limit_bytes;  // absent when unlimited
  std::optional<uint64_t> pids;
};

// How a process that is about to be created gets into a group; see os::SpawnOptions.
struct CgroupEntrance {
  std::vector<UniqueFd> tasks;  // v1: write "0" to each
  UniqueFd directory;           // v2: for CLONE_INTO_CGROUP
};

// Becomes readable when the group may have run out of memory: ask CheckOom() whether it was that.
// Must be dropped before the group is removed, which makes it readable too.
struct OomWatch {
  UniqueFd fd;
  UniqueFd control;  // v1 keeps memory.oom_control open as long as the watch is wanted
};

class Cgroups {
 public:
  virtual ~Cgroups() = default;

  // 1 or 2.
  virtual int version() const = 0;

  // Creates the root group and claims it for as long as the result is kept: two owners of one root
  // would take each other's groups for orphans.
  // ERRORS: FailedPrecondition when another process has it.
  virtual absl::StatusOr<UniqueFd> ClaimRoot() = 0;

  // Creates the group and whatever of its parents is missing. An existing group is kept.
  virtual absl::Status Create(const std::string& name) = 0;

  virtual absl::Status SetCpu(const std::string& name, const CpuLimits& limits) = 0;

  // ERRORS: FailedPrecondition when more than the new limit is in use and cannot be reclaimed.
  virtual absl::Status SetMemory(const std::string& name, const MemoryLimits& limits) = 0;

  // At most `pids_max` processes and threads; 0 for no limit.
  virtual absl::Status SetPids(const std::string& name, uint64_t pids_max) = 0;

  virtual absl::StatusOr<CgroupEntrance> Enter(const std::string& name) = 0;

  virtual absl::StatusOr<OomWatch> WatchOom(const std::string& name) = 0;

  // After `watch` became readable: whether memory ran out. If not, the watch may be waited on
  // again.
  virtual bool CheckOom(const std::string& name, const OomWatch& watch) = 0;

  // How often the out-of-memory killer has struck in the group; 0 when the group is gone.
  virtual uint64_t OomKills(const std::string& name) = 0;

  // How often a fork was refused at the pids limit; 0 when the group is gone.
  virtual uint64_t ForksRefused(const std::string& name) = 0;

  virtual CgroupUsage Usage(const std::string& name) = 0;

  // Processes in the group and its descendants, in no order.
  virtual std::vector<int> Processes(const std::string& name) = 0;

  // Sends SIGKILL to everything in the group and its descendants, with forking made impossible
  // first, so that one round is enough. Does not wait for the deaths. A missing group is fine.
  virtual absl::Status KillAll(const std::string& name) = 0;

  // Removes the group and its descendants, deepest first. A missing group is fine.
  // ERRORS: FailedPrecondition while a process is in it.
  virtual absl::Status Remove(const std::string& name) = 0;

  // All groups below the root, sorted.
  virtual absl::StatusOr<std::vector<std::string>> List() = 0;

  // Removes the root itself. ERRORS: FailedPrecondition while it is not empty.
  virtual absl::Status RemoveRoot() = 0;
};

// The machine's cgroups, below root group `root` (one or more path components, such as "meros").
// ERRORS: FailedPrecondition naming the controller out of cpu, memory, pids that is not available.
absl::StatusOr<std::unique_ptr<Cgroups>> DetectCgroups(const std::string& root);

// cgroup v1: `hierarchies` are mount points, by controller name. Made public for tests.
struct CgroupV1Hierarchies {
  std::string cpu, cpuacct, memory, pids;  // cpuacct may be empty
};
std::unique_ptr<Cgroups> MakeCgroupsV1(const CgroupV1Hierarchies& hierarchies,
                                       const std::string& root);

// cgroup v2 mounted at `mount_point`. `controllers` are enabled from there down to every group.
std::unique_ptr<Cgroups> MakeCgroupsV2(const std::string& mount_point, const std::string& root,
                                       const std::vector<std::string>& controllers);

// 1024 shares per cpu, at least 2, at most 262144 (the kernel's bounds).
uint64_t CpuSharesV1(uint64_t request_millis);

// Weight 100 per cpu, at least 1, at most 10000 (the kernel's bounds).
uint64_t CpuWeightV2(uint64_t request_millis);

// Microseconds per period of 100 ms, at least 1000 (the kernel's bound).
uint64_t CpuQuotaUs(uint64_t limit_millis);

inline constexpr uint64_t kCpuPeriodUs = 100000;

}  // namespace meros::os
