// Shares and quotas of roles as gauges: of at most kMaxRoles, because each is some time series in
// every Prometheus. First, by name, those of which operators have set something, so that no
// framework's choice of roles hides them; then the top-level ones that frameworks brought.
//
// Owner: ReadReplica. Thread rule: thread-compatible; used on the replica's thread alone.
#pragma once

#include <cstddef>

#include "libs/telemetry/metrics.h"
#include "services/master/view/cluster_view.h"

namespace meros::master {

class RoleGauges {
 public:
  static constexpr size_t kMaxRoles = 64;
  // Of one role with a quota, the first by name: a quota may name as many as an operator likes.
  static constexpr size_t kMaxResources = 8;

  explicit RoleGauges(telemetry::MetricRegistry* registry);

  // Cost: a pass over frameworks and their roles, and over agents.
  void Measure(const ClusterView& view);

 private:
  telemetry::Gauge configured_;
  telemetry::MetricTable share_, guarantee_met_, limit_used_, quota_;
};

}  // namespace meros::master
