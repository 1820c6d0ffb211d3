#include "services/containerizer/shell/recovery.h"

#include <set>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "libs/linux/process.h"
#include "libs/runtime/clock.h"
#include "libs/telemetry/log.h"

namespace meros::containerizer {
namespace {

// meros-init notes "started" a millisecond after it was told to go; if it was not, it ends by
// itself.
constexpr absl::Duration kStartedWait = absl::Seconds(5);
constexpr absl::Duration kStartedPoll = absl::Milliseconds(2);

// When the command was executed; 0 when it never was. Waits while that is still open, which is so
// for a meros-init that was told to go an instant before the containerizer was killed.
int64_t AwaitStarted(const Records& records, const std::string& id, const ProcessRecord& process) {
  const absl::Time give_up = runtime::ProcessClock::Get().Now() + kStartedWait;
  while (true) {
    const bool alive = os::OpenProcess(process.pid, process.start_time).ok();
    const absl::StatusOr<InitNote> note = ReadNote(records.DirectoryOf(id), kInitStartedFile);
    if (note.ok()) return note->unix_ns;
    if (!alive || runtime::ProcessClock::Get().Now() > give_up) return 0;
    absl::SleepFor(kStartedPoll);
  }
}

class Recovery {
 public:
  Recovery(const std::string& boot_id, Records* records, Launcher* launcher)
      : boot_id_(boot_id), records_(records), launcher_(launcher) {}

  // Nothing when there is nothing to go on with.
  std::optional<RecoveredContainer> Recover(const std::string& id) {
    RecoveredContainer found;
    absl::StatusOr<v1::LaunchSpec> spec = records_->ReadLaunch(id);
    if (absl::IsNotFound(spec.status())) {
      // The launch was never answered.
      Log("forgetting a launch that was not recorded", id, records_->Remove(id));
      return std::nullopt;
    }
    if (!spec.ok() || spec->container_id() != id) {
      Log("putting aside a container whose record cannot be understood", id, spec.status());
      Log("put aside", id, records_->Quarantine(id));
      return std::nullopt;
    }
    found.spec = *std::move(spec);
    found.isolated = launcher_->isolates();
    const absl::StatusOr<v1::Termination> termination = records_->ReadTermination(id);
    if (termination.ok()) {
      found.phase = RecoveredContainer::Phase::kTerminated;
      found.termination = *termination;
      return found;
    }
    const absl::StatusOr<ProcessRecord> process = records_->ReadProcess(id);
    if (!process.ok()) {
      found.phase = RecoveredContainer::Phase::kRecorded;
      SweepInterruptedStart(id);
      return found;
    }
    found.pid = static_cast<uint32_t>(process->pid);
    RecoverProcess(*process, &found);
    return found;
  }

 private:
  // No pid was written, so nothing was ever told to go. The core then starts it anew.
  void SweepInterruptedStart(const std::string& id) {
    const absl::Status swept = launcher_->Kill(id).status();
    Log("sweeping an interrupted start", id, swept.ok() ? launcher_->CleanUp(id) : swept);
  }

  void RecoverProcess(const ProcessRecord& process, RecoveredContainer* found) {
    const std::string& id = found->spec.container_id();
    if (process.boot_id != boot_id_) {
      found->phase = RecoveredContainer::Phase::kEnded;
      const absl::StatusOr<InitNote> started =
          ReadNote(records_->DirectoryOf(id), kInitStartedFile);
      found->started_at_ns = started.ok() ? started->unix_ns : 0;
      return;
    }
    found->started_at_ns = AwaitStarted(*records_, id, process);
    const absl::Status adopted = launcher_->Adopt(found->spec, process);
    found->phase = adopted.ok() && found->started_at_ns != 0 ? RecoveredContainer::Phase::kRunning
                                                             : RecoveredContainer::Phase::kEnded;
    if (!adopted.ok() && !absl::IsNotFound(adopted)) {
      Log("adopted with a fault", id, adopted);
      if (found->started_at_ns != 0) found->phase = RecoveredContainer::Phase::kRunning;
    }
  }

  static void Log(absl::string_view what, const std::string& id, const absl::Status& status) {
    MEROS_LOG(WARNING) << what << telemetry::Field("container_id", id)
                       << telemetry::Field("status", status);
  }

  const std::string& boot_id_;
  Records* const records_;
  Launcher* const launcher_;
};

}  // namespace

absl::StatusOr<std::vector<RecoveredContainer>> RecoverContainers(const std::string& boot_id,
                                                                  Records* records,
                                                                  Launcher* launcher) {
  const absl::StatusOr<std::vector<std::string>> ids = records->List();
  if (!ids.ok()) return ids.status();
  Recovery recovery(boot_id, records, launcher);
  std::vector<RecoveredContainer> containers;
  std::set<std::string> known;
  for (const std::string& id : *ids) {
    std::optional<RecoveredContainer> found = recovery.Recover(id);
    if (!found.has_value()) continue;
    known.insert(id);
    containers.push_back(*std::move(found));
  }
  const absl::Status swept =
      launcher->SweepOrphans([&known](const std::string& id) { return known.count(id) > 0; });
  if (!swept.ok()) {
    MEROS_LOG(WARNING) << "orphans are left" << telemetry::Field("status", swept);
  }
  return containers;
}

}  // namespace meros::containerizer
