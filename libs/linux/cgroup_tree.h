// What both versions of cgroups have in common: directories, lists of processes, killing.
// Private to this library.
//
// Thread rule: thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/linux/unique_fd.h"

namespace meros::os {

// Pids in `directory`/cgroup.procs and in its descendants.
std::vector<int> ProcessesBelow(const std::string& directory);

// SIGKILL for ProcessesBelow(), repeated until no new process appears, at most 100 times.
// ERRORS: DeadlineExceeded when new ones kept appearing.
absl::Status KillProcessesBelow(const std::string& directory);

// Removes the cgroup `directory` and its descendants, deepest first; a missing one is fine. Retries
// while the kernel is still letting go of dead processes (EBUSY), for at most 100 ms.
// ERRORS: FailedPrecondition when it stays busy; else by errno.
absl::Status RemoveCgroupTree(const std::string& directory);

// Opens and locks the existing cgroup `directory`. ERRORS: FailedPrecondition when it is locked.
absl::StatusOr<UniqueFd> LockCgroup(const std::string& directory);

// Names of the cgroups directly below `directory`, sorted; empty when it is missing.
std::vector<std::string> CgroupsBelow(const std::string& directory);

}  // namespace meros::os
