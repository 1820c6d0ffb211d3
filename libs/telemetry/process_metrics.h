// The standard metrics that every Prometheus client exports about its process: CPU seconds,
// resident and virtual bytes, open and allowed descriptors, threads, start time. Read from /proc at
// each scrape.
//
// Owner: main, through the registry. Thread rule: thread-safe.
#pragma once

#include "libs/telemetry/metrics.h"

namespace meros::telemetry {

// REQUIRES: called once per registry.
void AddProcessMetrics(MetricRegistry* registry);

}  // namespace meros::telemetry
