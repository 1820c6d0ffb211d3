// meros-master: the leader of a cluster, or a standby for it.
#include <cstdio>
#include <cstdlib>

#include "libs/build_facts/build_facts.h"
#include "libs/config/flag_set.h"
#include "libs/runtime/signals.h"
#include "libs/telemetry/announce.h"
#include "libs/telemetry/health.h"
#include "libs/telemetry/log.h"
#include "libs/telemetry/metrics_server.h"
#include "libs/telemetry/process_metrics.h"
#include "services/master/config.h"
#include "services/master/shell/master_shell.h"

namespace {

using meros::telemetry::Field;

int Fail(const absl::Status& status) {
  MEROS_LOG(ERROR) << "meros-master cannot start" << Field("status", status);
  return EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) {
  meros::runtime::BlockStopSignals();
  meros::master::MasterConfig config;
  meros::config::FlagSet flags("master", "Offers the resources of a cluster to frameworks.");
  meros::master::AddMasterFlags(&config, &flags);
  const auto warnings = meros::config::ParseOrExit(argc, argv, &flags);
  if (absl::Status status = config.Finish(); !status.ok()) {
    fprintf(stderr, "meros-master: %s\n", std::string(status.message()).c_str());
    return 2;
  }
  meros::telemetry::InitLogging(
      {.service = "master",
       .level = *meros::telemetry::ParseSeverity(config.common.log_level),
       .format = *meros::telemetry::ParseLogFormat(config.common.log_format)});
  for (const std::string& warning : warnings) MEROS_LOG(WARNING) << warning;

  meros::telemetry::MetricRegistry metrics("master");
  meros::telemetry::AddProcessMetrics(&metrics);
  meros::telemetry::AddBuildInfo(meros::ThisBuild(), &metrics);
  meros::telemetry::Health health;
  auto shell = meros::master::MasterShell::Start(config, {flags.Effective(), meros::ThisBuild()},
                                                 &metrics, &health);
  if (!shell.ok()) return Fail(shell.status());
  auto monitoring =
      meros::telemetry::MetricsServer::Start({.address = config.common.metrics_address,
                                              .port = static_cast<int>(config.common.metrics_port)},
                                             &metrics, &health);
  if (!monitoring.ok()) return Fail(monitoring.status());

  meros::telemetry::AnnounceReady("master", (*shell)->advertised(), (*monitoring)->port());
  const int signal = meros::runtime::WaitForStopSignal();
  MEROS_LOG(INFO) << "stopping" << Field("signal", signal);
  monitoring->reset();
  (*shell)->Stop();
  return (*shell)->failure().ok() ? EXIT_SUCCESS : EXIT_FAILURE;
}
