// What a strand does, as metrics: the first thing to look at when a service is slow.
//
//   meros_<service>_strand_queued_inputs          gauge, inputs that wait
//   meros_<service>_strand_queue_max_inputs       gauge, the mailbox's bound
//   meros_<service>_strand_inputs_total           counter, inputs stepped
//   meros_<service>_strand_rejected_posts_total   counter, inputs refused: mailbox full
//   meros_<service>_strand_step_seconds           histogram, time to step and apply one batch
//   meros_<service>_strand_batch_inputs           histogram, inputs per batch
//
// Owner: the shell that owns the strand; outlives it. Thread rule: thread-safe.
#pragma once

#include "libs/runtime/core_strand.h"
#include "libs/telemetry/metrics.h"

namespace meros::telemetry {

class StrandMetrics : public runtime::StrandObserver {
 public:
  // REQUIRES: one per registry, because the names carry the service alone.
  explicit StrandMetrics(MetricRegistry* registry);

  void OnStart(size_t mailbox_max) override;
  void OnBatch(size_t inputs, size_t queued_after, absl::Duration step_time) override;
  void OnRejected() override;

 private:
  Gauge queued_inputs_;
  Gauge queue_max_inputs_;
  Counter inputs_;
  Counter rejected_posts_;
  Histogram step_time_;
  Histogram batch_inputs_;
};

}  // namespace meros::telemetry
