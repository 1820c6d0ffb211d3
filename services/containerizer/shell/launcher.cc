#include "services/containerizer/shell/launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/linux/clone.h"
#include "libs/linux/process.h"
#include "libs/linux/safe_open.h"
#include "libs/runtime/clock.h"
#include "services/containerizer/shell/init_plan.h"

namespace meros::containerizer {
namespace {

// meros-init answers within a millisecond; this bounds a machine that is out of breath.
constexpr absl::Duration kStartWait = absl::Seconds(10);
// A killed process that is not in an uninterruptible sleep is gone at once; the core tries again.
constexpr absl::Duration kKillWait = absl::Seconds(2);
constexpr absl::Duration kKillRound = absl::Milliseconds(100);

struct Pipe {
  os::UniqueFd read, write;
};

absl::StatusOr<Pipe> MakePipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return absl::ErrnoToStatus(errno, "cannot create a pipe");
  return Pipe{os::UniqueFd(ends[0]), os::UniqueFd(ends[1])};
}

absl::StatusOr<os::UniqueFd> OpenDirectory(const std::string& path) {
  os::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open directory ", path));
  return fd;
}

// What a command has as descriptors 0, 1 and 2.
struct StandardStreams {
  os::UniqueFd in, out, error;
};

absl::StatusOr<os::UniqueFd> OpenOutput(int sandbox_fd, const std::string& path,
                                        const std::optional<InitUser>& user) {
  MEROS_ASSIGN_OR_RETURN(os::UniqueFd fd, os::OpenForAppend(sandbox_fd, path));
  if (user.has_value() && ::fchown(fd.get(), user->uid, user->gid) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot give '", path, "' to its user"));
  }
  return fd;
}

absl::StatusOr<StandardStreams> OpenStreams(const v1::LaunchSpec& spec,
                                            const std::optional<InitUser>& user) {
  StandardStreams streams;
  MEROS_ASSIGN_OR_RETURN(const os::UniqueFd sandbox, OpenDirectory(spec.sandbox_directory()));
  streams.in = os::UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!streams.in.valid()) return absl::ErrnoToStatus(errno, "cannot open /dev/null");
  const std::string out = spec.stdout_path().empty() ? "stdout" : spec.stdout_path();
  const std::string error = spec.stderr_path().empty() ? "stderr" : spec.stderr_path();
  MEROS_ASSIGN_OR_RETURN(streams.out, OpenOutput(sandbox.get(), out, user));
  MEROS_ASSIGN_OR_RETURN(streams.error, OpenOutput(sandbox.get(), error, user));
  return streams;
}

// Waits for meros-init to say how the start went.
absl::Status AwaitReport(const os::UniqueFd& report, const InitRequest& request) {
  struct pollfd waiting = {report.get(), POLLIN, 0};
  const int ready = ::poll(&waiting, 1, static_cast<int>(absl::ToInt64Milliseconds(kStartWait)));
  if (ready != 1) {
    return absl::DeadlineExceededError(
        absl::StrCat("meros-init gave no answer in ", absl::FormatDuration(kStartWait)));
  }
  InitFailure failure;
  const ssize_t got = ::read(report.get(), &failure, sizeof(failure));
  return got == sizeof(failure) ? ExplainFailure(failure, request) : absl::OkStatus();
}

}  // namespace

Launcher::Launcher(LauncherOptions options, std::vector<std::unique_ptr<Isolator>> isolators,
                   Records* records, os::FdWatcher* watcher)
    : options_(std::move(options)),
      isolators_(std::move(isolators)),
      records_(records),
      watcher_(watcher) {}

Launcher::~Launcher() {
  MutexLock lock(&mutex_);
  for (const auto& [id, watch] : watches_) watcher_->Remove(watch);
}

// ---- Start ----

absl::StatusOr<Launched> Launcher::Start(const v1::LaunchSpec& spec) {
  LaunchPlan plan;
  MEROS_ASSIGN_OR_RETURN(plan.request, MakeInitRequest(spec, options_.open_files));
  for (const std::unique_ptr<Isolator>& isolator : isolators_) {
    MEROS_RETURN_IF_ERROR(isolator->Prepare(spec, &plan));
  }
  return Spawn(spec, std::move(plan));
}

absl::StatusOr<Launched> Launcher::Spawn(const v1::LaunchSpec& spec, LaunchPlan plan) {
  const std::string& id = spec.container_id();
  MEROS_ASSIGN_OR_RETURN(const StandardStreams streams, OpenStreams(spec, plan.request.user));
  MEROS_ASSIGN_OR_RETURN(const os::UniqueFd request, MakeRequestFd(plan.request));
  MEROS_ASSIGN_OR_RETURN(const os::UniqueFd runtime, OpenDirectory(records_->DirectoryOf(id)));
  MEROS_ASSIGN_OR_RETURN(Pipe go, MakePipe());
  MEROS_ASSIGN_OR_RETURN(Pipe report, MakePipe());

  const char* const argv[] = {"meros-init", id.c_str(), nullptr};
  os::SpawnOptions options;
  options.namespaces = plan.clone_flags;
  options.into_cgroup_fd = plan.cgroup.directory.get();
  for (const os::UniqueFd& tasks : plan.cgroup.tasks) options.join_tasks_fds.push_back(tasks.get());
  options.fds = {streams.in.get(), streams.out.get(),  streams.error.get(), request.get(),
                 go.read.get(),    report.write.get(), runtime.get()};
  options.program = options_.init_program.c_str();
  options.argv = const_cast<char* const*>(argv);
  MEROS_ASSIGN_OR_RETURN(os::SpawnedProcess spawned, os::Spawn(options));
  const pid_t pid = spawned.pid;
  {
    MutexLock lock(&mutex_);
    processes_[id] = std::make_shared<const Process>(Process{pid, std::move(spawned.pidfd)});
  }
  report.write.Reset();
  MEROS_ASSIGN_OR_RETURN(const uint64_t start_time, os::ProcessStartTime(pid));
  MEROS_RETURN_IF_ERROR(records_->WriteProcess(id, {pid, start_time, options_.boot_id}));

  if (::write(go.write.get(), "g", 1) != 1) {
    return absl::ErrnoToStatus(errno, "cannot tell meros-init to go");
  }
  MEROS_RETURN_IF_ERROR(AwaitReport(report.read, plan.request));
  MEROS_ASSIGN_OR_RETURN(const InitNote note,
                         ReadNote(records_->DirectoryOf(id), kInitStartedFile));
  return Launched{static_cast<uint32_t>(pid), note.unix_ns};
}

absl::Status Launcher::Adopt(const v1::LaunchSpec& spec, const ProcessRecord& record) {
  if (record.boot_id != options_.boot_id) {
    return absl::NotFoundError("it was started before the machine was");
  }
  MEROS_ASSIGN_OR_RETURN(os::UniqueFd pidfd, os::OpenProcess(record.pid, record.start_time));
  {
    MutexLock lock(&mutex_);
    processes_[spec.container_id()] =
        std::make_shared<const Process>(Process{record.pid, std::move(pidfd)});
  }
  absl::Status first_failure;
  for (const std::unique_ptr<Isolator>& isolator : isolators_) {
    first_failure.Update(isolator->Recover(spec));
  }
  // An adopted container without its notifications is better than a lost one: limits stay in force,
  // and what they did is found out at the end.
  return absl::IsNotFound(first_failure) ? absl::OkStatus() : first_failure;
}

void Launcher::Watch(const std::string& id, const LauncherEvents& events) {
  const ProcessPtr process = Find(id);
  if (process == nullptr) return;
  for (const std::unique_ptr<Isolator>& isolator : isolators_) {
    isolator->Watch(id, [id, hit = events.memory_limit_hit] { hit(id); });
  }
  absl::StatusOr<os::FdWatcher::WatchId> watch = watcher_->Once(
      process->pidfd.get(), [id, process, ended = events.process_ended] { ended(id); });
  if (!watch.ok()) return events.process_ended(id);  // rather end it than never know
  MutexLock lock(&mutex_);
  watches_[id] = *watch;
}

Launcher::ProcessPtr Launcher::Find(const std::string& id) {
  MutexLock lock(&mutex_);
  const auto found = processes_.find(id);
  return found == processes_.end() ? nullptr : found->second;
}

absl::Status Launcher::Signal(const std::string& id, int signal) {
  const ProcessPtr process = Find(id);
  if (process == nullptr) return absl::OkStatus();
  return os::SignalProcess(process->pidfd.get(), signal);
}

// ---- End ----

bool Launcher::KillProcesses(const std::string& id, const ProcessPtr& process) {
  const absl::Time give_up = runtime::ProcessClock::Get().Now() + kKillWait;
  do {
    for (const std::unique_ptr<Isolator>& isolator : isolators_) {
      isolator->Kill(id).IgnoreError();  // what it could not kill is found alive below
    }
    if (process == nullptr) return true;
    if (isolates()) {
      os::SignalProcess(process->pidfd.get(), SIGKILL).IgnoreError();
    } else {
      // meros-init is left to the last: it notes how the command ended and kills what it adopts.
      for (const pid_t pid : os::ProcessTree(process->pid)) {
        if (pid != process->pid) ::kill(pid, SIGKILL);
      }
    }
    if (os::WaitForExit(process->pidfd.get(), kKillRound)) return true;
  } while (runtime::ProcessClock::Get().Now() < give_up);
  return false;
}

absl::StatusOr<EndFacts> Launcher::Kill(const std::string& id) {
  const ProcessPtr process = Find(id);
  const bool was_alive =
      process != nullptr && !os::WaitForExit(process->pidfd.get(), absl::ZeroDuration());
  if (!KillProcesses(id, process)) {
    if (!isolates()) os::SignalProcess(process->pidfd.get(), SIGKILL).IgnoreError();
    return absl::DeadlineExceededError(
        absl::StrCat("process ", process->pid, " does not end although it was killed"));
  }
  if (process != nullptr) os::ReapChild(process->pidfd.get());
  EndFacts facts;
  const absl::StatusOr<InitNote> note = ReadNote(records_->DirectoryOf(id), kInitExitFile);
  if (note.ok()) {
    facts.wait_status = note->wait_status;
    facts.ended_at_ns = note->unix_ns;
  } else if (was_alive) {
    facts.wait_status = SIGKILL;  // by us, together with meros-init
  }
  for (const std::unique_ptr<Isolator>& isolator : isolators_) isolator->AddFacts(id, &facts);
  return facts;
}

absl::Status Launcher::CleanUp(const std::string& id) {
  absl::Status first_failure;
  for (auto isolator = isolators_.rbegin(); isolator != isolators_.rend(); ++isolator) {
    first_failure.Update((*isolator)->CleanUp(id));
  }
  if (!first_failure.ok()) return first_failure;
  MutexLock lock(&mutex_);
  const auto watch = watches_.find(id);
  if (watch != watches_.end()) {
    watcher_->Remove(watch->second);
    watches_.erase(watch);
  }
  processes_.erase(id);
  return absl::OkStatus();
}

// ---- While it runs ----

absl::Status Launcher::Update(const std::string& id, const v1::ContainerResources& resources) {
  for (const std::unique_ptr<Isolator>& isolator : isolators_) {
    MEROS_RETURN_IF_ERROR(isolator->Update(id, resources));
  }
  return absl::OkStatus();
}

v1::ContainerUsage Launcher::Usage(const std::string& id) {
  v1::ContainerUsage usage;
  usage.set_timestamp_ns(absl::ToUnixNanos(runtime::ProcessClock::Get().Now()));
  for (const std::unique_ptr<Isolator>& isolator : isolators_) isolator->AddUsage(id, &usage);
  return usage;
}

absl::Status Launcher::SweepOrphans(const std::function<bool(const std::string& id)>& is_known) {
  absl::Status first_failure;
  for (auto isolator = isolators_.rbegin(); isolator != isolators_.rend(); ++isolator) {
    first_failure.Update((*isolator)->SweepOrphans(is_known));
  }
  return first_failure;
}

}  // namespace meros::containerizer
