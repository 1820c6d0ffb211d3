// The standard metrics that every Prometheus client exports about its process: CPU seconds,
// resident and virtual bytes, open and allowed descriptors, threads, start time. Read from /proc at
// each scrape.
//
// Owner: main, through the registry. Thread rule: thread-safe.
#pragma once

#include "libs/build_facts/build_facts.h"
#include "libs/telemetry/metrics.h"

namespace meros::telemetry {

// REQUIRES: called once per registry.
void AddProcessMetrics(MetricRegistry* registry);

// meros_<service>_build_info, 1, with the facts as labels.
// REQUIRES: called once per registry.
void AddBuildInfo(const BuildFacts& facts, MetricRegistry* registry);

}  // namespace meros::telemetry
