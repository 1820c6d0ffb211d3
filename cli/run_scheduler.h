// The scheduler behind `meros run`: waits for one offer that fits, launches one task on it, and
// follows the task to its end.
//
// Thread rule: callbacks come from the driver's thread; Wait* and Kill are thread-safe.
#pragma once

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "libs/base/mutex.h"
#include "sdk/cpp/scheduler_driver.h"

namespace meros::cli {

class RunScheduler : public sdk::Scheduler {
 public:
  // `task` without agent_id; its resources are what it needs. `role` is charged.
  RunScheduler(meros::v1::TaskInfo task, bool quiet) : task_(std::move(task)), quiet_(quiet) {}

  void Registered(sdk::SchedulerDriver*, const std::string& framework_id,
                  const meros::v1::MasterInfo&, sdk::Registration) override;
  void Disconnected(sdk::SchedulerDriver*, const absl::Status& reason) override;
  void ResourceOffers(sdk::SchedulerDriver*, const std::vector<meros::v1::Offer>&) override;
  void StatusUpdate(sdk::SchedulerDriver*, const meros::v1::TaskStatus& status) override;
  void Ended(sdk::SchedulerDriver*, const absl::Status& status) override;

  // Blocks until the task runs or has ended (true), or the driver has ended (false).
  bool WaitStarted();

  // Blocks until the task or the driver has ended. The task's last status, if it ended.
  std::optional<meros::v1::TaskStatus> WaitEnded();

  std::string framework_id() const;
  absl::Status driver_status() const;
  bool task_ended() const;

  // The exit code of `meros run` for a last status: the task's own; 128 + n for signal n; 1
  // otherwise.
  static int ExitCode(const meros::v1::TaskStatus& status);

 private:
  bool Fits(const meros::v1::Offer& offer);

  meros::v1::TaskInfo task_;
  const bool quiet_;
  bool launched_ = false;  // driver's thread only
  bool shortage_told_ = false;

  mutable Mutex mutex_;
  CondVar changed_;
  std::string framework_id_ MEROS_GUARDED_BY(mutex_);
  bool started_ MEROS_GUARDED_BY(mutex_) = false;
  std::optional<meros::v1::TaskStatus> end_ MEROS_GUARDED_BY(mutex_);
  std::optional<absl::Status> driver_end_ MEROS_GUARDED_BY(mutex_);
};

}  // namespace meros::cli
