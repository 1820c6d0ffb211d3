// What the containerizer counts.
//
// Thread rule: thread-safe.
#pragma once

#include "libs/telemetry/metrics.h"
#include "libs/telemetry/strand_metrics.h"

namespace meros::containerizer {

struct HostMetrics {
  explicit HostMetrics(telemetry::MetricRegistry* registry);

  telemetry::StrandMetrics strand;
  telemetry::Counter launches;
  telemetry::Counter launch_failures;
  telemetry::Histogram launch_time;
  telemetry::CounterFamily terminations;    // by reason
  telemetry::CounterFamily destroy_errors;  // by step
  telemetry::Counter recovered;
  telemetry::Gauge active;
  telemetry::Gauge streams;
};

}  // namespace meros::containerizer
