// Carries out the core's effects: those on containers on worker threads, one after another per
// container, each answered by an input; answers to clients as one frame per stream and batch.
//
// Owner: ContainerHost. Thread rule: Apply on the strand; everything else is internal.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "libs/base/mutex.h"
#include "services/containerizer/core/messages.h"
#include "services/containerizer/shell/host_metrics.h"
#include "services/containerizer/shell/keyed_workers.h"
#include "services/containerizer/shell/launcher.h"
#include "services/containerizer/shell/records.h"

namespace meros::containerizer {

struct EffectTargets {
  Launcher* launcher = nullptr;
  Records* records = nullptr;
  KeyedWorkers* workers = nullptr;
  HostMetrics* metrics = nullptr;
  std::function<void(Input)> post;                    // to the strand
  std::function<void(StreamId, v1::Responses)> send;  // to a client; any thread
};

class EffectRunner {
 public:
  explicit EffectRunner(EffectTargets targets) : to_(std::move(targets)) {}

  void Apply(absl::Time now, std::vector<Effect> effects);

  // Reports events of a container that runs.
  void Watch(const std::string& id);

 private:
  using Frames = std::map<StreamId, v1::Responses>;

  void Run(absl::Time now, RecordLaunch effect);
  void Run(absl::Time now, StartContainer effect);
  void Run(absl::Time now, SignalContainer effect);
  void Run(absl::Time now, KillContainer effect);
  void Run(absl::Time now, StoreTermination effect);
  void Run(absl::Time now, CleanUpContainer effect);
  void Run(absl::Time now, UpdateResources effect);
  void Run(absl::Time now, ReadUsage effect);
  void Run(absl::Time now, RemoveRecords effect);

  // Counts and logs a step of tear-down that will be retried.
  void Note(absl::string_view step, const ContainerId& id, const absl::Status& status);

  const EffectTargets to_;
  Mutex mutex_;
  // When the launch of a container was accepted, until it was started.
  std::map<std::string, absl::Time> accepted_ MEROS_GUARDED_BY(mutex_);
};

}  // namespace meros::containerizer
