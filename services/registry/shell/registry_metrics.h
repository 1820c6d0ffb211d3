// The registry's metrics. docs/reference/metrics.md explains them.
//
// Thread rule: thread-safe.
#pragma once

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/telemetry/metrics.h"
#include "libs/telemetry/strand_metrics.h"
#include "services/registry/core/registry_core.h"

namespace meros::registry {

class RegistryMetrics {
 public:
  explicit RegistryMetrics(telemetry::MetricRegistry* metrics);

  void OnCommit(const absl::Status& status, size_t changes, absl::Duration took);
  // State of the core after a batch.
  void OnState(const RegistryCore& core);

  telemetry::StrandMetrics strand;
  telemetry::Counter requests;
  telemetry::Gauge sessions;
  telemetry::Counter watchers_cut;

 private:
  telemetry::Counter commits_;
  telemetry::Counter changes_;
  telemetry::Counter failures_;
  telemetry::Histogram commit_time_;
  telemetry::Gauge records_;
  telemetry::Gauge record_bytes_;
  telemetry::Gauge epoch_;
  telemetry::Gauge writable_;
  telemetry::Gauge queued_writes_;
  telemetry::Gauge watchers_;
};

}  // namespace meros::registry
