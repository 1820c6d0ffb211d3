#include "libs/linux/process.h"

#include <errno.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/status_macros.h"
#include "libs/linux/files.h"

namespace meros::os {
namespace {

// What /proc/PID/stat says about a process; see proc(5).
struct ProcessStat {
  pid_t parent = 0;
  pid_t session = 0;
  uint64_t start_time = 0;
};

absl::StatusOr<ProcessStat> ReadStat(pid_t pid) {
  absl::StatusOr<std::string> text = ReadFile(absl::StrCat("/proc/", pid, "/stat"));
  if (!text.ok()) return absl::NotFoundError(absl::StrCat("no process ", pid));
  // The second field is the name in parentheses and may itself hold spaces and parentheses.
  const size_t name_end = text->rfind(')');
  if (name_end == std::string::npos) return absl::NotFoundError(absl::StrCat("no process ", pid));
  const std::vector<absl::string_view> fields =
      absl::StrSplit(absl::string_view(*text).substr(name_end + 1), ' ', absl::SkipEmpty());
  ProcessStat stat;
  if (fields.size() < 20 || !absl::SimpleAtoi(fields[1], &stat.parent) ||
      !absl::SimpleAtoi(fields[3], &stat.session) ||
      !absl::SimpleAtoi(fields[19], &stat.start_time)) {
    return absl::InternalError(absl::StrCat("/proc/", pid, "/stat cannot be understood"));
  }
  return stat;
}

std::vector<std::pair<pid_t, ProcessStat>> AllProcesses() {
  std::vector<std::pair<pid_t, ProcessStat>> processes;
  absl::StatusOr<std::vector<std::string>> names = ListDirectory("/proc");
  if (!names.ok()) return processes;
  for (const std::string& name : *names) {
    pid_t pid = 0;
    if (!absl::SimpleAtoi(name, &pid)) continue;
    absl::StatusOr<ProcessStat> stat = ReadStat(pid);
    if (stat.ok()) processes.emplace_back(pid, *stat);
  }
  return processes;
}

}  // namespace

absl::StatusOr<uint64_t> ProcessStartTime(pid_t pid) {
  MEROS_ASSIGN_OR_RETURN(const ProcessStat stat, ReadStat(pid));
  return stat.start_time;
}

absl::StatusOr<UniqueFd> OpenProcess(pid_t pid, uint64_t start_time) {
  UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd.valid()) {
    return absl::ErrnoToStatus(errno == ESRCH ? ENOENT : errno,
                               absl::StrCat("cannot open process ", pid));
  }
  // Compared after opening: from now on the pidfd cannot come to mean another process.
  MEROS_ASSIGN_OR_RETURN(const uint64_t present, ProcessStartTime(pid));
  if (present != start_time) {
    return absl::NotFoundError(absl::StrCat("pid ", pid, " belongs to another process by now"));
  }
  return pidfd;
}

absl::Status SignalProcess(int pidfd, int signal) {
  if (::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) == 0 || errno == ESRCH) {
    return absl::OkStatus();
  }
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot send signal ", signal));
}

bool WaitForExit(int pidfd, absl::Duration limit) {
  struct pollfd waiting = {pidfd, POLLIN, 0};
  const int64_t limit_ms = absl::ToInt64Milliseconds(limit);
  return ::poll(&waiting, 1, static_cast<int>(std::min<int64_t>(limit_ms, INT32_MAX))) == 1;
}

std::optional<int> ReapChild(int pidfd) {
  siginfo_t info = {};
  if (::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED | WNOHANG) != 0)
    return std::nullopt;
  if (info.si_pid == 0) return std::nullopt;
  if (info.si_code == CLD_EXITED) return (info.si_status & 0xff) << 8;
  return info.si_status | (info.si_code == CLD_DUMPED ? 0x80 : 0);
}

std::vector<pid_t> ProcessesInSession(pid_t session) {
  std::vector<pid_t> members;
  for (const auto& [pid, stat] : AllProcesses()) {
    if (stat.session == session) members.push_back(pid);
  }
  return members;
}

std::vector<pid_t> ProcessTree(pid_t pid) {
  const auto processes = AllProcesses();
  std::vector<pid_t> tree = {pid};
  for (size_t next = 0; next < tree.size(); ++next) {
    for (const auto& [child, stat] : processes) {
      if (stat.parent == tree[next]) tree.push_back(child);
    }
  }
  return tree;
}

absl::StatusOr<OpenFilesLimit> RaiseOpenFilesLimit() {
  struct rlimit limit;
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return absl::ErrnoToStatus(errno, "cannot read the limit on open files");
  }
  const OpenFilesLimit former = {limit.rlim_cur, limit.rlim_max};
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return absl::ErrnoToStatus(errno, "cannot raise the limit on open files");
  }
  return former;
}

absl::StatusOr<std::string> BootId() {
  MEROS_ASSIGN_OR_RETURN(const std::string text, ReadFile("/proc/sys/kernel/random/boot_id"));
  return std::string(absl::StripAsciiWhitespace(text));
}

}  // namespace meros::os
