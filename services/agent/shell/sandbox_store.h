// The sandboxes on the agent's disk: made for each container, kept for a while after their task has
// ended so that people can look, deleted when they are old or the disk fills.
//
//   <work_dir>/agents/A/frameworks/F/tasks/T/runs/C    a sandbox
//   <work_dir>/agents/A/frameworks/F/tasks/T/runs/latest -> C
//
// When a sandbox was discarded is its modification time, so nothing about it has to be recorded.
//
// Owner: Agent. Thread rule: thread-safe. Making runs on a thread of its own, deleting on another.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/base/mutex.h"
#include "services/agent/core/effects.h"
#include "services/agent/shell/disk_usage.h"

namespace meros::agent {

struct SandboxOptions {
  std::string work_dir;                                   // absolute, exists
  absl::Duration gc_delay = absl::Hours(24 * 7);          // longest life of a discarded sandbox
  double gc_disk_headroom = 0.1;                          // part of the disk to be kept free
  absl::Duration disk_watch_interval = absl::Minutes(1);  // between looks at the disk
};

struct SandboxStats {
  uint64_t removed = 0;
  uint64_t remove_failed = 0;
  size_t live = 0;
  size_t waiting = 0;  // discarded, not deleted yet
};

class SandboxStore {
 public:
  using Prepared = std::function<void(ContainerId, absl::Status)>;

  explicit SandboxStore(SandboxOptions options);
  ~SandboxStore() { Stop(); }

  // `prepared` runs on the store's thread.
  void Start(Prepared prepared);
  void Stop();

  void Prepare(PrepareSandbox order);
  // Runs `work` on the thread that makes sandboxes, after all that was ordered before.
  void Run(std::function<void()> work);
  void Discard(const std::string& directory);
  // Discards all on disk but `keep`, each as old as its directory.
  void Sweep(const std::vector<std::string>& keep);

  // Whether a task still uses it.
  bool IsLive(const std::string& directory) const;

  // The newest sandbox of a task, whichever agent id it was made under.
  // ERRORS: NotFound; InvalidArgument (ids that are no names).
  absl::StatusOr<std::string> Newest(const std::string& framework, const std::string& task) const;

  SandboxStats stats() const;

  // Deletes what is due, as if `now` were the time.
  void CollectForTest(absl::Time now) { Collect(now); }

 private:
  void RunMaker();
  void RunCollector();
  absl::Status Make(const PrepareSandbox& order);
  void Collect(absl::Time now);
  void Delete(const std::string& directory);

  const SandboxOptions options_;
  Prepared prepared_;

  mutable Mutex mutex_;
  CondVar wake_;
  std::vector<std::function<void()>> orders_ MEROS_GUARDED_BY(mutex_);
  std::set<std::string> live_ MEROS_GUARDED_BY(mutex_);
  std::map<std::string, absl::Time> discarded_ MEROS_GUARDED_BY(mutex_);  // since when
  SandboxStats stats_ MEROS_GUARDED_BY(mutex_);
  bool stopping_ MEROS_GUARDED_BY(mutex_) = false;

  // Making a run and deleting the last run of the same task exclude each other.
  Mutex parents_mutex_;
  std::thread maker_, collector_;
};

}  // namespace meros::agent
