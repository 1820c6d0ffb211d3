// allocate: full cycles of the real allocator core, in process, without master and network.
#include "services/allocator/bench/cycles.h"
#include "tests/bench/benchmark.h"

namespace meros::bench {

absl::StatusOr<Report> RunAllocate(Options* options) {
  allocator::CycleBenchmarkOptions shape;
  shape.agents = static_cast<int>(options->Get("agents", shape.agents));
  shape.frameworks = static_cast<int>(options->Get("frameworks", shape.frameworks));
  shape.roles = static_cast<int>(options->Get("roles", shape.roles));
  shape.cycles = static_cast<int>(options->Get("cycles", shape.cycles));
  if (shape.agents < 1 || shape.frameworks < 1 || shape.roles < 1 || shape.cycles < 1) {
    return absl::InvalidArgumentError("agents, frameworks, roles and cycles must be at least 1");
  }
  const allocator::CycleBenchmarkResult result = allocator::RunCycleBenchmark(shape);
  Report report;
  for (absl::Duration cycle : result.offer_cycles) report.latencies.Add(cycle);
  Samples full;
  for (absl::Duration cycle : result.full_cycles) full.Add(cycle);
  report.n = report.latencies.size();
  report.value = report.latencies.Percentile(0.5);
  report.unit = "ms";
  report.notes["counted"] = "one cycle in which every agent becomes a proposal, in process";
  report.notes["proposals"] = std::to_string(result.proposals);
  report.notes["full_cluster_cycle_ms_p50"] = std::to_string(full.Percentile(0.5));
  return report;
}

}  // namespace meros::bench
