#include "libs/linux/cgroup_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "libs/base/status_macros.h"
#include "libs/linux/files.h"

namespace meros::os {
namespace {

// A fork bomb without a pids limit may have a hundred thousand processes.
constexpr size_t kProcsBytesMax = 16 << 20;
constexpr int kKillRoundsMax = 100;
// 40 x 2.5 ms: the kernel lets go of a dead process within a tick or two.
constexpr int kRemoveTries = 40;
constexpr absl::Duration kRemovePause = absl::Microseconds(2500);

}  // namespace

std::vector<std::string> CgroupsBelow(const std::string& directory) {
  std::vector<std::string> groups;
  absl::StatusOr<std::vector<std::string>> names = ListDirectory(directory);
  if (!names.ok()) return groups;
  for (std::string& name : *names) {
    if (IsDirectory(absl::StrCat(directory, "/", name))) groups.push_back(std::move(name));
  }
  return groups;
}

std::vector<int> ProcessesBelow(const std::string& directory) {
  std::vector<int> pids;
  absl::StatusOr<std::string> text =
      ReadFile(absl::StrCat(directory, "/cgroup.procs"), kProcsBytesMax);
  if (!text.ok()) return pids;
  for (const absl::string_view line : absl::StrSplit(*text, '\n', absl::SkipEmpty())) {
    int pid = 0;
    if (absl::SimpleAtoi(line, &pid) && pid > 0) pids.push_back(pid);
  }
  for (const std::string& child : CgroupsBelow(directory)) {
    const std::vector<int> below = ProcessesBelow(absl::StrCat(directory, "/", child));
    pids.insert(pids.end(), below.begin(), below.end());
  }
  return pids;
}

absl::Status KillProcessesBelow(const std::string& directory) {
  std::set<int> killed;
  for (int round = 0; round < kKillRoundsMax; ++round) {
    bool found_new = false;
    for (const int pid : ProcessesBelow(directory)) {
      found_new |= killed.insert(pid).second;
      ::kill(pid, SIGKILL);
    }
    if (!found_new) return absl::OkStatus();
  }
  return absl::DeadlineExceededError(
      absl::StrCat("processes keep appearing in ", directory, " faster than they can be killed"));
}

absl::StatusOr<UniqueFd> LockCgroup(const std::string& directory) {
  UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", directory));
  const absl::Status locked = LockExclusively(fd.get(), absl::Seconds(1));
  if (!locked.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("cgroup root ", directory, " cannot be claimed: ", locked.message()));
  }
  return fd;
}

absl::Status RemoveCgroupTree(const std::string& directory) {
  for (int tries = 0; tries < kRemoveTries; ++tries) {
    if (::rmdir(directory.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
    if (errno != EBUSY && errno != ENOTEMPTY) {
      return absl::ErrnoToStatus(errno, absl::StrCat("cannot remove cgroup ", directory));
    }
    for (const std::string& child : CgroupsBelow(directory)) {
      MEROS_RETURN_IF_ERROR(RemoveCgroupTree(absl::StrCat(directory, "/", child)));
    }
    if (tries > 0) absl::SleepFor(kRemovePause);
  }
  return absl::FailedPreconditionError(absl::StrCat("cgroup ", directory, " is still in use by ",
                                                    ProcessesBelow(directory).size(),
                                                    " processes"));
}

}  // namespace meros::os
