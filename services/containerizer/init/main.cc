// meros-init: the first process of every container. It outlives agent and containerizer, so that
// both can restart (or be killed) without losing a container or its exit status.
//
//   read request ─▶ wait for go ─▶ set up ─▶ fork ─┬─▶ (child) user, limits, execute the command
//                                                  └─▶ note "started" ─▶ forward signals, reap
//                                                       ─▶ note "exit" ─▶ exit alike
//
// As pid 1 of a pid namespace its end is the end of every process in it. Without such a namespace
// (posix launcher) it is the subreaper of its descendants and kills what the command leaves behind.
// Whoever kills it with SIGKILL in a pid namespace thereby kills the whole container.
//
// Small on purpose: libc only, statically linked, no heap, so that a thousand of them cost little.
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "services/containerizer/init/init_format.h"

namespace meros::containerizer {
namespace {

// The request, pointing into the mapped memfd.
struct Request {
  void* map = MAP_FAILED;
  size_t map_bytes = 0;
  InitHeader header = {};
  const uint32_t* groups = nullptr;
  const InitRlimit* rlimits = nullptr;
  const char* sandbox = nullptr;
  const char* hostname = nullptr;
  const char* program = nullptr;
  char** arguments = nullptr;    // ends in a null pointer
  char** environment = nullptr;  // ends in a null pointer
};

bool Has(const Request& request, InitFlag flag) { return (request.header.flags & flag) != 0; }

// Takes strings from the request one after another.
class Strings {
 public:
  Strings(char* begin, char* end) : next_(begin), end_(end) {}

  // The next string; null when the request ends before it does.
  char* Next() {
    char* const zero = static_cast<char*>(memchr(next_, 0, static_cast<size_t>(end_ - next_)));
    if (zero == nullptr) return nullptr;
    char* const text = next_;
    next_ = zero + 1;
    return text;
  }

  // The next `count` strings, as execve wants them. One anonymous page mapping per list.
  char** List(uint32_t count) {
    const size_t bytes = (static_cast<size_t>(count) + 1) * sizeof(char*);
    void* const pages =
        mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) return nullptr;
    char** const list = static_cast<char**>(pages);
    for (uint32_t i = 0; i < count; ++i) {
      list[i] = Next();
      if (list[i] == nullptr) return nullptr;
    }
    return list;
  }

 private:
  char* next_;
  char* const end_;
};

bool ReadRequest(Request* request) {
  struct stat info;
  errno = EINVAL;
  if (fstat(kInitRequestFd, &info) != 0 || info.st_size < static_cast<off_t>(sizeof(InitHeader))) {
    return false;
  }
  request->map_bytes = static_cast<size_t>(info.st_size);
  request->map =
      mmap(nullptr, request->map_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, kInitRequestFd, 0);
  if (request->map == MAP_FAILED) return false;
  char* const begin = static_cast<char*>(request->map);
  char* const end = begin + request->map_bytes;
  memcpy(&request->header, begin, sizeof(InitHeader));
  const InitHeader& header = request->header;
  errno = EPROTO;
  if (header.magic != kInitMagic || header.version != kInitVersion) return false;

  const uint64_t groups_at = sizeof(InitHeader);
  const uint64_t rlimits_at = (groups_at + 4ull * header.group_count + 7) / 8 * 8;
  const uint64_t strings_at = rlimits_at + sizeof(InitRlimit) * 1ull * header.rlimit_count;
  if (strings_at > request->map_bytes) return false;
  request->groups = reinterpret_cast<const uint32_t*>(begin + groups_at);
  request->rlimits = reinterpret_cast<const InitRlimit*>(begin + rlimits_at);
  Strings strings(begin + strings_at, end);
  request->sandbox = strings.Next();
  request->hostname = request->sandbox != nullptr ? strings.Next() : nullptr;
  request->program = request->hostname != nullptr ? strings.Next() : nullptr;
  if (request->program == nullptr) return false;
  request->arguments = strings.List(header.argument_count);
  request->environment = strings.List(header.environment_count);
  return request->arguments != nullptr && request->environment != nullptr;
}

// The rest of the process needs neither request nor its descriptors.
void ReleaseRequest(Request* request) {
  munmap(request->map, request->map_bytes);
  syscall(SYS_close_range, 0, kInitReportFd, 0);
}

// True for go; false when the containerizer has vanished.
bool WaitForGo() {
  char byte;
  ssize_t got;
  do {
    got = read(kInitGoFd, &byte, 1);
  } while (got < 0 && errno == EINTR);
  return got == 1;
}

void Report(int fd, InitStep step) {
  const InitFailure failure = {step, errno};
  if (write(fd, &failure, sizeof(failure)) < 0) return;  // nobody listens any more
}

[[noreturn]] void Fail(int fd, InitStep step) {
  Report(fd, step);
  _exit(127);
}

void SetUpNamespaces(const Request& request) {
  if (Has(request, kInitOwnMounts) &&
      mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    Fail(kInitReportFd, kStepMounts);
  }
  if (Has(request, kInitOwnMounts) && Has(request, kInitOwnPids) &&
      mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) {
    Fail(kInitReportFd, kStepProc);
  }
  if (Has(request, kInitSetHostname) &&
      sethostname(request.hostname, strlen(request.hostname)) != 0) {
    Fail(kInitReportFd, kStepHostname);
  }
}

const char* FindVariable(char* const* environment, const char* name_and_equals) {
  const size_t length = strlen(name_and_equals);
  for (; *environment != nullptr; ++environment) {
    if (strncmp(*environment, name_and_equals, length) == 0) return *environment + length;
  }
  return nullptr;
}

// execve, with a program without slash looked up in the command's own PATH. Returns only to fail.
void Execute(const Request& request) {
  if (strchr(request.program, '/') != nullptr) {
    execve(request.program, request.arguments, request.environment);
    return;
  }
  const char* path = FindVariable(request.environment, "PATH=");
  int error = ENOENT;
  while (path != nullptr && *path != 0) {
    const size_t length = strcspn(path, ":");
    char candidate[4096];
    const int bytes = snprintf(candidate, sizeof(candidate), "%.*s%s%s", static_cast<int>(length),
                               path, length > 0 ? "/" : "./", request.program);
    if (bytes > 0 && bytes < static_cast<int>(sizeof(candidate))) {
      execve(candidate, request.arguments, request.environment);
      // As execvp: what cannot be executed is remembered, what is not there is passed over.
      if (errno == EACCES)
        error = EACCES;
      else if (errno != ENOENT && errno != ENOTDIR)
        return;
    }
    path += length + (path[length] == ':' ? 1 : 0);
  }
  errno = error;
}

void TakeOnUser(const Request& request, int report_fd) {
  const InitHeader& header = request.header;
  static_assert(sizeof(gid_t) == sizeof(uint32_t), "groups are handed over as they are");
  if (setgroups(header.group_count, request.groups) != 0) Fail(report_fd, kStepGroups);
  if (setresgid(header.gid, header.gid, header.gid) != 0) Fail(report_fd, kStepGroups);
  if (setresuid(header.uid, header.uid, header.uid) != 0) Fail(report_fd, kStepUser);
}

// Operators shield agent and containerizer from the out-of-memory killer; commands do not inherit it.
void DropOomShield() {
  const int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  if (write(fd, "0", 1) < 0) errno = 0;  // not allowed to lower it: then it was no shield
  close(fd);
}

// In the child: becomes the command.
[[noreturn]] void RunCommand(const Request& request, int report_fd) {
  setsid();
  if (!Has(request, kInitOwnPids)) prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (uint32_t i = 0; i < request.header.rlimit_count; ++i) {
    const InitRlimit& limit = request.rlimits[i];
    const struct rlimit value = {limit.soft, limit.hard};
    if (setrlimit(static_cast<__rlimit_resource_t>(limit.resource), &value) != 0) {
      Fail(report_fd, kStepRlimit);
    }
  }
  umask(022);
  DropOomShield();
  if (Has(request, kInitSetUser)) TakeOnUser(request, report_fd);
  // As the command's user: a sandbox that the user cannot enter is an error now, not later.
  if (chdir(request.sandbox) != 0) Fail(report_fd, kStepSandbox);
  for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC);
  Execute(request);
  Fail(report_fd, kStepExecute);
}

// Forks the command and returns its pid once it is being executed; reports and exits otherwise.
pid_t StartCommand(const Request& request) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) Fail(kInitReportFd, kStepFork);
  const pid_t pid = fork();
  if (pid < 0) Fail(kInitReportFd, kStepFork);
  if (pid == 0) RunCommand(request, ends[1]);
  close(ends[1]);
  InitFailure failure;
  ssize_t got;
  do {
    got = read(ends[0], &failure, sizeof(failure));
  } while (got < 0 && errno == EINTR);
  close(ends[0]);
  if (got == sizeof(failure)) {
    if (write(kInitReportFd, &failure, sizeof(failure)) < 0) _exit(126);
    _exit(127);
  }
  return pid;
}

// Leaves a fact for whoever comes later. Not synced: a container does not survive a power loss, and
// its record need not either.
void Note(const char* name, int wait_status) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  const long long now_ns = now.tv_sec * 1000000000ll + now.tv_nsec;
  char text[64];
  const int bytes = snprintf(text, sizeof(text), "%d %lld\n", wait_status, now_ns);
  const int fd =
      openat(kInitRuntimeDirFd, kInitTemporaryFile, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return;
  const bool whole = write(fd, text, static_cast<size_t>(bytes)) == bytes;
  close(fd);
  if (whole) renameat(kInitRuntimeDirFd, kInitTemporaryFile, kInitRuntimeDirFd, name);
}

// Hands signals on to the command's process group, so that a shell's children end with it, and
// reaps whoever dies, until the command has ended. Returns its wait status.
int Babysit(pid_t command) {
  sigset_t all;
  sigfillset(&all);
  while (true) {
    int status;
    for (pid_t dead; (dead = waitpid(-1, &status, WNOHANG)) > 0;) {
      if (dead == command) return status;
    }
    siginfo_t info;
    const int number = sigwaitinfo(&all, &info);
    if (number <= 0 || number == SIGCHLD) continue;
    if (kill(-command, number) != 0) kill(command, number);
  }
}

// Without a pid namespace: ends all descendants. New ones are adopted by us as their parents die.
void KillDescendants() {
  // 2000 rounds of at least 1 ms: longer than any orderly tree takes, and not for ever.
  for (int round = 0; round < 2000; ++round) {
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
    FILE* const children = fopen(path, "re");
    if (children != nullptr) {
      int pid;
      while (fscanf(children, "%d", &pid) == 1) kill(pid, SIGKILL);
      fclose(children);
    }
    pid_t dead;
    while ((dead = waitpid(-1, nullptr, WNOHANG)) > 0) {
    }
    if (dead < 0 && errno == ECHILD) return;
    usleep(1000);
  }
}

int Main() {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  prctl(PR_SET_NAME, "meros-init");
  setsid();
  prctl(PR_SET_CHILD_SUBREAPER, 1);

  if (!WaitForGo()) return 1;
  Request request;
  if (!ReadRequest(&request)) Fail(kInitReportFd, kStepRequest);
  SetUpNamespaces(request);
  const bool own_pids = Has(request, kInitOwnPids);
  const pid_t command = StartCommand(request);
  Note(kInitStartedFile, 0);
  ReleaseRequest(&request);

  const int status = Babysit(command);
  if (!own_pids) KillDescendants();
  Note(kInitExitFile, status);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace
}  // namespace meros::containerizer

int main() { _exit(meros::containerizer::Main()); }
