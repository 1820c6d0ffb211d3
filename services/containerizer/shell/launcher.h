// Brings containers to life and takes them down, by system calls; decides nothing. What keeps a
// container apart from others is the isolators' business: with none it is the posix launcher, which
// gives each container a session and kills by descent.
//
// Order of a start: isolators prepare, meros-init is cloned into its namespaces and cgroup, its pid
// is written down, and only then it is told to go. Whoever dies on the way: without a written pid
// nothing ever runs, and with it the next containerizer finds it.
//
// Thread rule: thread-safe; for one container the calls come one after another (KeyedWorkers), but
// for Watch's callbacks.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/base/mutex.h"
#include "libs/linux/fd_watcher.h"
#include "libs/linux/process.h"
#include "services/containerizer/shell/isolator.h"
#include "services/containerizer/shell/records.h"

namespace meros::containerizer {

struct LauncherOptions {
  std::string init_program;  // absolute path of meros-init
  std::string boot_id;
  os::OpenFilesLimit open_files;  // of commands whose spec says nothing about it
};

// A command that is being executed.
struct Launched {
  uint32_t pid = 0;
  int64_t started_at_ns = 0;
};

struct LauncherEvents {
  std::function<void(const std::string& id)> process_ended;
  std::function<void(const std::string& id)> memory_limit_hit;
};

class Launcher {
 public:
  // `records` and `watcher` must outlive it.
  Launcher(LauncherOptions options, std::vector<std::unique_ptr<Isolator>> isolators,
           Records* records, os::FdWatcher* watcher);
  ~Launcher();

  bool isolates() const { return !isolators_.empty(); }

  // Returns when the command is being executed. After a failure the container is to be killed and
  // cleaned up like any other. Waits at most 10 s for meros-init.
  // ERRORS: whatever step failed, in words for the user.
  absl::StatusOr<Launched> Start(const v1::LaunchSpec& spec);

  // Begins to report events of a started or adopted container.
  void Watch(const std::string& id, const LauncherEvents& events);

  // Takes up a container that a former containerizer started.
  // ERRORS: NotFound when its meros-init has ended.
  absl::Status Adopt(const v1::LaunchSpec& spec, const ProcessRecord& process);

  // To the command, through meros-init. A container that has ended is fine.
  absl::Status Signal(const std::string& id, int signal);

  // Kills everything and waits for the end, for at most 2 s. Idempotent.
  // ERRORS: DeadlineExceeded saying what is left.
  absl::StatusOr<EndFacts> Kill(const std::string& id);

  // Takes down what Start has set up. REQUIRES: Kill has succeeded. Idempotent.
  absl::Status CleanUp(const std::string& id);

  absl::Status Update(const std::string& id, const v1::ContainerResources& resources);
  v1::ContainerUsage Usage(const std::string& id);
  absl::Status SweepOrphans(const std::function<bool(const std::string& id)>& is_known);

 private:
  // The meros-init of a container.
  struct Process {
    pid_t pid = 0;
    os::UniqueFd pidfd;
  };
  using ProcessPtr = std::shared_ptr<const Process>;

  ProcessPtr Find(const std::string& id);
  absl::StatusOr<Launched> Spawn(const v1::LaunchSpec& spec, LaunchPlan plan);
  // False when something of the container is alive at the end of the time.
  bool KillProcesses(const std::string& id, const ProcessPtr& process);

  const LauncherOptions options_;
  const std::vector<std::unique_ptr<Isolator>> isolators_;
  Records* const records_;
  os::FdWatcher* const watcher_;
  Mutex mutex_;
  std::map<std::string, ProcessPtr> processes_ MEROS_GUARDED_BY(mutex_);
  std::map<std::string, os::FdWatcher::WatchId> watches_ MEROS_GUARDED_BY(mutex_);
};

}  // namespace meros::containerizer
