#include "libs/linux/clone.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"

namespace meros::os {
namespace {

constexpr size_t kFdsMax = 16;

// What the child tells when it fails before or in execve.
struct ChildFailure {
  enum Step : int32_t { kJoin, kDescriptors, kExec } step;
  int32_t error;
};

// Runs in the child, a copy of one thread of a process that may hold any lock: system calls only.
[[noreturn]] void RunChild(const SpawnOptions& options, int report_fd) {
  ChildFailure failure = {ChildFailure::kJoin, 0};
  char* const environment[] = {nullptr};
  for (const int fd : options.join_tasks_fds) {
    if (::write(fd, "0", 1) != 1) goto fail;
  }
  failure.step = ChildFailure::kDescriptors;
  {
    // First above every target, so that no dup2 below tramples on a source.
    int moved[kFdsMax];
    const int count = static_cast<int>(options.fds.size());
    report_fd = ::fcntl(report_fd, F_DUPFD_CLOEXEC, 2 * count);
    if (report_fd < 0) ::_exit(127);
    for (int i = 0; i < count; ++i) {
      moved[i] = ::fcntl(options.fds[static_cast<size_t>(i)], F_DUPFD, count);
      if (moved[i] < 0) goto fail;
    }
    for (int i = 0; i < count; ++i) {
      if (::dup2(moved[i], i) < 0) goto fail;
    }
    // The rest closes at execve; marking costs one call however many there are.
    if (::syscall(SYS_close_range, count, ~0U, CLOSE_RANGE_CLOEXEC) != 0) goto fail;
  }
  failure.step = ChildFailure::kExec;
  ::execve(options.program, options.argv, environment);
fail:
  failure.error = errno;
  (void)!::write(report_fd, &failure, sizeof(failure));
  ::_exit(127);
}

absl::Status Explain(const ChildFailure& failure, const char* program) {
  const char* const step = failure.step == ChildFailure::kJoin          ? "join its cgroup"
                           : failure.step == ChildFailure::kDescriptors ? "arrange descriptors"
                                                                        : "execute";
  return absl::InternalError(
      absl::StrCat(program, " could not ", step, ": ", ::strerror(failure.error)));
}

}  // namespace

absl::StatusOr<SpawnedProcess> Spawn(const SpawnOptions& options) {
  MEROS_CHECK(options.fds.size() <= kFdsMax) << options.fds.size();
  int report[2];
  if (::pipe2(report, O_CLOEXEC) != 0) return absl::ErrnoToStatus(errno, "cannot create a pipe");
  UniqueFd report_read(report[0]);
  UniqueFd report_write(report[1]);

  int pidfd = -1;
  struct clone_args arguments = {};
  arguments.flags = CLONE_PIDFD | options.namespaces;
  arguments.pidfd = reinterpret_cast<uint64_t>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  if (options.into_cgroup_fd >= 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<uint64_t>(options.into_cgroup_fd);
  }
  // No handler of ours may run in the child.
  sigset_t all, former;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &former);
  const long pid = ::syscall(SYS_clone3, &arguments, sizeof(arguments));
  if (pid == 0) RunChild(options, report_write.get());
  const int clone_errno = errno;
  ::pthread_sigmask(SIG_SETMASK, &former, nullptr);
  if (pid < 0) return absl::ErrnoToStatus(clone_errno, "cannot clone a process");

  SpawnedProcess process{static_cast<pid_t>(pid), UniqueFd(pidfd)};
  report_write.Reset();
  ChildFailure failure;
  ssize_t got;
  do {
    got = ::read(report_read.get(), &failure, sizeof(failure));
  } while (got < 0 && errno == EINTR);
  if (got == 0) return process;
  ::waitpid(process.pid, nullptr, 0);
  if (got != sizeof(failure)) return absl::InternalError("a child died before it could execute");
  return Explain(failure, options.program);
}

}  // namespace meros::os
