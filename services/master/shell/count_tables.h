// What the core counts (core/counts.h) as metrics: of all frameworks and agents, and of each
// framework by itself, the first `framework_series_max` by id, because each is some dozens of time
// series in every Prometheus. A framework that is removed is shown no more.
//
// Owner: ReadReplica. Thread rule: thread-compatible; used on the replica's thread alone.
#pragma once

#include <cstddef>

#include "libs/telemetry/metrics.h"
#include "services/master/view/cluster_view.h"

namespace meros::master {

class CountTables {
 public:
  explicit CountTables(telemetry::MetricRegistry* registry);

  // Cost: a pass over the counts of the frameworks that are shown.
  void Measure(const ClusterView& view, size_t framework_series_max);

 private:
  void MeasureCluster(const ClusterCounts& counts);
  void MeasureFrameworks(const ClusterView& view, size_t framework_series_max);

  telemetry::MetricTable calls_, agent_messages_, agent_changes_, task_ends_, operations_;
  telemetry::MetricTable framework_subscribed_, framework_suppressed_, framework_calls_,
      framework_events_, framework_offers_, framework_operations_, framework_tasks_,
      framework_task_ends_;
};

}  // namespace meros::master
