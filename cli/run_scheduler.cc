#include "cli/run_scheduler.h"

#include <cstdio>

#include "cli/format.h"

namespace meros::cli {

using meros::v1::Offer;
using meros::v1::TaskStatus;

void RunScheduler::Registered(sdk::SchedulerDriver*, const std::string& framework_id,
                              const meros::v1::MasterInfo&, sdk::Registration registration) {
  if (registration == sdk::Registration::kAgain && !quiet_) {
    std::fprintf(stderr, "meros: connected to the master again\n");
  }
  MutexLock lock(&mutex_);
  framework_id_ = framework_id;
}

void RunScheduler::Disconnected(sdk::SchedulerDriver*, const absl::Status& reason) {
  if (quiet_) return;
  std::fprintf(stderr, "meros: lost the master (%s), reconnecting\n",
               std::string(reason.message()).c_str());
}

bool RunScheduler::Fits(const Offer& offer) {
  for (const auto& needed : task_.resources()) {
    const double offered = Scalar(offer.resources(), needed.name());
    if (offered + 1e-9 >= needed.scalar().value()) continue;
    if (!shortage_told_ && !quiet_) {
      std::fprintf(stderr, "meros: waiting for an offer with %s %s (this one, of %s, has %s)\n",
                   needed.name().c_str(), Number(needed.scalar().value()).c_str(),
                   offer.hostname().c_str(), Number(offered).c_str());
    }
    shortage_told_ = true;
    return false;
  }
  return true;
}

void RunScheduler::ResourceOffers(sdk::SchedulerDriver* driver, const std::vector<Offer>& offers) {
  for (const Offer& offer : offers) {
    if (launched_ || !Fits(offer)) {
      driver->DeclineOffer(offer.id());
      continue;
    }
    launched_ = true;
    *task_.mutable_agent_id() = offer.agent_id();
    driver->LaunchTasks({offer.id()}, {task_});
    driver->SuppressOffers();
  }
}

void RunScheduler::StatusUpdate(sdk::SchedulerDriver* driver, const TaskStatus& status) {
  if (status.task_id().value() != task_.task_id().value()) return;
  switch (status.state()) {
    case meros::v1::TASK_DROPPED:
      // Never started, so trying again is safe.
      launched_ = false;
      driver->ReviveOffers();
      return;
    case meros::v1::TASK_STAGING:
    case meros::v1::TASK_STARTING:
    case meros::v1::TASK_UNKNOWN:
      return;
    case meros::v1::TASK_UNREACHABLE:
      if (!quiet_) std::fprintf(stderr, "meros: the task's agent is unreachable; waiting for it\n");
      return;
    case meros::v1::TASK_RUNNING:
    case meros::v1::TASK_KILLING: {
      MutexLock lock(&mutex_);
      started_ = true;
      changed_.SignalAll();
      return;
    }
    default: {
      MutexLock lock(&mutex_);
      started_ = true;
      end_ = status;
      changed_.SignalAll();
    }
  }
}

void RunScheduler::Ended(sdk::SchedulerDriver*, const absl::Status& status) {
  MutexLock lock(&mutex_);
  driver_end_ = status;
  changed_.SignalAll();
}

bool RunScheduler::WaitStarted() {
  MutexLock lock(&mutex_);
  while (!started_ && !driver_end_.has_value()) changed_.Wait(&mutex_);
  return started_;
}

std::optional<TaskStatus> RunScheduler::WaitEnded() {
  MutexLock lock(&mutex_);
  while (!end_.has_value() && !driver_end_.has_value()) changed_.Wait(&mutex_);
  return end_;
}

std::string RunScheduler::framework_id() const {
  MutexLock lock(&mutex_);
  return framework_id_;
}

absl::Status RunScheduler::driver_status() const {
  MutexLock lock(&mutex_);
  return driver_end_.value_or(absl::OkStatus());
}

bool RunScheduler::task_ended() const {
  MutexLock lock(&mutex_);
  return end_.has_value();
}

int RunScheduler::ExitCode(const TaskStatus& status) {
  if (status.has_exit_code()) return status.exit_code();
  if (status.has_term_signal()) return 128 + status.term_signal();
  return status.state() == meros::v1::TASK_FINISHED ? 0 : 1;
}

}  // namespace meros::cli
