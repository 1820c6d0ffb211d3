// Processes by pidfd: a pid may be given to somebody else, a pidfd never is. Where a pid has to be
// written down (checkpoints), its start time is written beside it and compared before it is
// believed.
//
// Thread rule: thread-safe.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/linux/unique_fd.h"

namespace meros::os {

// When `pid` started, in clock ticks since boot (/proc/PID/stat, field 22).
// ERRORS: NotFound when there is no such process.
absl::StatusOr<uint64_t> ProcessStartTime(pid_t pid);

// A pidfd for `pid`, provided that it is the process that started at `start_time`.
// ERRORS: NotFound when it is gone or the pid belongs to another process by now.
absl::StatusOr<UniqueFd> OpenProcess(pid_t pid, uint64_t start_time);

// Sends a signal. A process that has ended already is fine.
absl::Status SignalProcess(int pidfd, int signal);

// Waits until the process has ended. False when it has not within `limit`.
bool WaitForExit(int pidfd, absl::Duration limit);

// Reaps a child that has ended: its wait status, as of waitpid(2). Nothing when it is not our
// child, has been reaped before or has not ended.
std::optional<int> ReapChild(int pidfd);

// The processes in session `session`, in no order. Costs a walk over /proc.
std::vector<pid_t> ProcessesInSession(pid_t session);

// `pid` and everything below it by parenthood, parents first. Costs a walk over /proc.
std::vector<pid_t> ProcessTree(pid_t pid);

// Limits on open files of a process, as of setrlimit(2).
struct OpenFilesLimit {
  uint64_t soft = 0;
  uint64_t hard = 0;
};

// Raises this process's soft limit to its hard limit and returns what it was, which is what
// programs that are started from here should have: some still walk over all descriptors, or use
// select(2).
absl::StatusOr<OpenFilesLimit> RaiseOpenFilesLimit();

// Id of this boot of the kernel.
absl::StatusOr<std::string> BootId();

}  // namespace meros::os
