#include "services/containerizer/shell/host_metrics.h"

namespace meros::containerizer {

HostMetrics::HostMetrics(telemetry::MetricRegistry* registry)
    : strand(registry),
      launches(registry->AddCounter("meros_containerizer_container_launches_total",
                                    "Containers whose launch was recorded.")),
      launch_failures(registry->AddCounter("meros_containerizer_container_launch_failures_total",
                                           "Containers whose command could not be executed.")),
      launch_time(
          registry->AddHistogram("meros_containerizer_container_launch_seconds",
                                 "Time from accepting a launch to its command being executed.",
                                 telemetry::LatencyBuckets())),
      terminations(registry->AddCounterFamily("meros_containerizer_container_terminations_total",
                                              "Containers that have ended, by reason.",
                                              {.label = "reason"})),
      destroy_errors(registry->AddCounterFamily(
          "meros_containerizer_container_destroy_errors_total",
          "Failed steps of taking down containers, each retried, by step.", {.label = "step"})),
      recovered(registry->AddCounter("meros_containerizer_containers_recovered_total",
                                     "Containers found at start, running or not.")),
      active(registry->AddGauge("meros_containerizer_active_containers",
                                "Containers that have not terminated.")),
      streams(registry->AddGauge("meros_containerizer_client_streams", "Open streams of agents.")) {
}

}  // namespace meros::containerizer
