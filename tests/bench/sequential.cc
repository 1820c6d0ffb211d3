// sequential: one real task in flight at a time on a whole real cluster: offer, ACCEPT, RUNNING,
// FINISHED, then the next.
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/testing/local_cluster.h"
#include "libs/testing/temp_dir.h"
#include "tests/bench/benchmark.h"
#include "tests/bench/load_framework.h"

namespace meros::bench {

absl::StatusOr<Report> RunSequential(Options* options) {
  const double seconds = options->Get("seconds", 5);
  testing::TempDir directory;
  testing::LocalCluster cluster({.directory = directory.path()});
  MEROS_RETURN_IF_ERROR(cluster.Start());
  // The task takes the whole agent, so the next offer can only come when it has ended.
  LoadFramework framework({.master = cluster.master_address(),
                           .task_cpus = 4,
                           .task_mem_mb = 4096,
                           .tasks_per_accept_max = 1,
                           .outstanding_max = 1});
  MEROS_RETURN_IF_ERROR(framework.Start(absl::Seconds(30)));
  if (!testing::Eventually(absl::Seconds(30), [&] { return framework.terminal_seen() >= 3; })) {
    return absl::InternalError(absl::StrCat("no task ended: ", framework.last_failure()));
  }
  const auto usage = [&cluster] {
    return std::map<std::string, ProcessUsage>{
        {"master", UsageOf(cluster.master().pid())},
        {"allocator", UsageOf(cluster.allocator().pid())},
        {"registry", UsageOf(cluster.registry().pid())},
        {"agent", UsageOf(cluster.agent().pid())},
        {"containerizer", UsageOf(cluster.containerizer().pid())}};
  };
  Report report;
  report.fdatasync_p50_ms = MeasureFdatasync(directory.path());
  framework.TakeTerminalLatencies();
  const auto usage_before = usage();
  const size_t before = framework.terminal_seen();
  const absl::Time start = Now();
  usleep(static_cast<useconds_t>(seconds * 1e6));
  report.n = framework.terminal_seen() - before;
  report.value = static_cast<double>(report.n) / absl::ToDoubleSeconds(Now() - start);
  report.unit = "1/s";
  report.latencies = framework.TakeTerminalLatencies();
  report.servers = usage();
  for (auto& [name, used] : report.servers) used.cpu_seconds -= usage_before.at(name).cpu_seconds;
  report.notes["counted"] =
      "real tasks ('true' in a real container); latency from ACCEPT to FINISHED";
  if (framework.failed_seen() > 0) {
    return absl::InternalError(absl::StrCat(framework.failed_seen(),
                                            " tasks failed; the last: ", framework.last_failure()));
  }
  return report;
}

}  // namespace meros::bench
