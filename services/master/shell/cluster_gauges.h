// The state of the cluster as gauges: agents, frameworks, tasks and operations by state, offers
// that are not answered, and what the agents have.
//
// Every value of a label is written at each measurement, so that no gauge keeps a state that nobody
// is in any more.
//
// Owner: ReadReplica. Thread rule: thread-compatible; used on the replica's thread alone.
#pragma once

#include "libs/telemetry/metrics.h"
#include "services/master/view/cluster_view.h"

namespace meros::master {

class ClusterGauges {
 public:
  explicit ClusterGauges(telemetry::MetricRegistry* registry);

  // Cost: a pass over agents, frameworks, offers and operations; tasks are counted by the view.
  void Measure(const ClusterView& view);

 private:
  // One kind of resource: used + offered + free = what the agents that are REGISTERED have.
  struct Amounts {
    explicit Amounts(const telemetry::GaugeFamily& by_use);
    telemetry::Gauge used, offered, free;
  };

  void MeasureAgents(const ClusterView& view);
  void MeasureOffers(const ClusterView& view);
  void MeasureOperations(const ClusterView& view);

  telemetry::Gauge leading_, epoch_, agents_recovering_, agents_held_back_;
  telemetry::GaugeFamily agents_, frameworks_, tasks_, offers_;
  telemetry::MetricTable operations_;
  Amounts cpus_, memory_, disk_, gpus_;
};

}  // namespace meros::master
