// What the core counts, as metrics, and how long its runs take.
//
// Owner: main; outlives the strand. Thread rule: Publish and ObserveRun on the strand's thread.
#pragma once

#include <array>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "libs/telemetry/metrics.h"
#include "services/allocator/core/core.h"

namespace meros::allocator {

class CoreMetrics {
 public:
  explicit CoreMetrics(telemetry::MetricRegistry* registry);

  // Brings everything up to date with the core.
  void Publish(const Core& core);
  void ObserveRun(absl::Duration duration) { run_time_.Observe(duration); }

 private:
  void PublishGauges(const Core& core);

  Stats published_;
  telemetry::Counter batch_runs_, event_runs_, proposals_, snapshots_, mirror_resets_;
  telemetry::Counter sessions_, sessions_refused_, filters_dropped_;
  telemetry::Counter inverse_offers_, preemptions_, gangs_proposed_, gangs_rejected_, hoardings_;
  std::array<telemetry::Counter, kRejectReasonCount> results_;
  std::array<telemetry::Counter, kGateCount> visits_;
  telemetry::Histogram run_time_, run_proposals_;
  telemetry::Gauge agents_, frameworks_, roles_, filters_, waiting_, ready_, version_;
  telemetry::Gauge gangs_, gang_agents_, hoarding_frameworks_;
};

// The core with a stopwatch: what CoreStrand runs.
class MeasuredCore {
 public:
  using Input = Core::Input;
  using Effect = Core::Effect;

  // `metrics` must outlive the core.
  MeasuredCore(Core core, CoreMetrics* metrics) : core_(std::move(core)), metrics_(metrics) {}

  void Step(absl::Time now, Input input, std::vector<Effect>* out);
  absl::Time NextDeadline() const { return core_.NextDeadline(); }

 private:
  Core core_;
  CoreMetrics* metrics_;
};

}  // namespace meros::allocator
