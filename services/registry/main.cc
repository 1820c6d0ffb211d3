// meros-registry: the durable record of a cluster and its leader lease. See README.md.
#include "libs/base/status_macros.h"
#include "libs/rpc/server.h"
#include "libs/runtime/signals.h"
#include "libs/telemetry/announce.h"
#include "libs/telemetry/log.h"
#include "libs/telemetry/metrics_server.h"
#include "libs/telemetry/process_metrics.h"
#include "services/registry/config.h"
#include "services/registry/shell/registry_shell.h"
#include "services/registry/shell/store_keeper.h"

namespace meros::registry {
namespace {

constexpr absl::Duration kShutdownGrace = absl::Seconds(2);

absl::Status Run(const Config& config) {
  MEROS_RETURN_IF_ERROR(config.core.Validate());
  MEROS_RETURN_IF_ERROR(config.tls.Validate());
  MEROS_ASSIGN_OR_RETURN(const std::string store_name, StoreKeeper::StoreName(config));
  telemetry::MetricRegistry metric_registry("registry");
  telemetry::AddProcessMetrics(&metric_registry);
  telemetry::AddBuildInfo(ThisBuild(), &metric_registry);
  RegistryMetrics metrics(&metric_registry);
  RegistryShell shell(config.core, store_name, &metrics);
  StoreKeeper keeper(config, &shell);
  MEROS_RETURN_IF_ERROR(keeper.Start());
  telemetry::Health health;
  health.AddReadiness("store", [&shell] { return shell.Ready(); });
  MEROS_ASSIGN_OR_RETURN(
      auto metrics_server,
      telemetry::MetricsServer::Start({.address = config.common.metrics_address,
                                       .port = static_cast<int>(config.common.metrics_port)},
                                      &metric_registry, &health));
  MEROS_ASSIGN_OR_RETURN(auto server, rpc::Server::Start({.addresses = {config.address},
                                                          .tls = config.tls,
                                                          .reflection = config.grpc_reflection},
                                                         {&shell}));
  const std::string host = config.address.substr(0, config.address.rfind(':'));
  telemetry::AnnounceReady("registry", absl::StrCat(host, ":", server->port(0)),
                           metrics_server->port());
  const int signal = runtime::WaitForStopSignal();
  MEROS_LOG(INFO) << "stopping" << telemetry::Field("signal", signal);
  // They would go on for the whole grace, and not hear why they end.
  shell.EndWatches(absl::UnavailableError("the registry is stopping"));
  server->Shutdown(kShutdownGrace);
  return absl::OkStatus();
}

}  // namespace
}  // namespace meros::registry

int main(int argc, char** argv) {
  using namespace meros;
  runtime::BlockStopSignals();
  registry::Config config;
  config::FlagSet flags("registry", "Keeps the cluster's records and grants the leader lease.");
  registry::AddFlags(&config, &flags);
  const std::vector<std::string> warnings = config::ParseOrExit(argc, argv, &flags);
  telemetry::InitLogging({.service = "registry",
                          .level = *telemetry::ParseSeverity(config.common.log_level),
                          .format = *telemetry::ParseLogFormat(config.common.log_format)});
  for (const std::string& warning : warnings) MEROS_LOG(WARNING) << warning;
  const absl::Status status = registry::Run(config);
  if (status.ok()) return 0;
  MEROS_LOG(ERROR) << "cannot run: " << status.message();
  return 1;
}
