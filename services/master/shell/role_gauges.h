// Shares and quotas of roles as gauges: of the roles of which operators have set something and of
// the top-level ones, the first kMaxRoles that were seen, because each is some time series in every
// Prometheus.
//
// Owner: ReadReplica. Thread rule: thread-compatible; used on the replica's thread alone.
#pragma once

#include <set>
#include <string>

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
  telemetry::GaugeFamily share_, guarantee_met_, limit_used_;
  telemetry::MetricTable quota_;
  std::set<std::string> written_;  // at most kMaxRoles, ever; those that are gone stay at 0
};

}  // namespace meros::master
