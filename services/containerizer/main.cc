// meros-containerizer: runs containers for the agent of this node. See README.md.
#include "libs/base/status_macros.h"
#include "libs/rpc/server.h"
#include "libs/runtime/signals.h"
#include "libs/telemetry/announce.h"
#include "libs/telemetry/log.h"
#include "libs/telemetry/metrics_server.h"
#include "libs/telemetry/process_metrics.h"
#include "services/containerizer/config.h"
#include "services/containerizer/shell/container_host.h"
#include "services/containerizer/shell/service.h"

namespace meros::containerizer {
namespace {

constexpr absl::Duration kShutdownGrace = absl::Seconds(2);

absl::Status Run(const Config& config) {
  // Before anything else happens: a second containerizer should not get any further.
  MEROS_RETURN_IF_ERROR(ClaimSocket(config.socket));
  telemetry::MetricRegistry registry("containerizer");
  telemetry::AddProcessMetrics(&registry);
  telemetry::AddBuildInfo(ThisBuild(), &registry);
  HostMetrics metrics(&registry);
  Service service(metrics.streams);
  MEROS_ASSIGN_OR_RETURN(
      auto host, ContainerHost::Start({.runtime_dir = config.runtime_dir,
                                       .cgroups_root = config.cgroups_root,
                                       .launcher = config.launcher,
                                       .init_program = InitProgram(config),
                                       .containers_max = static_cast<size_t>(config.max_containers),
                                       .workers = static_cast<int>(config.workers)},
                                      &metrics, [&service](StreamId stream, v1::Responses frame) {
                                        service.Send(stream, std::move(frame));
                                      }));
  service.SetHost(host.get());
  if (!host->no_isolation_because().empty()) {
    MEROS_LOG(WARNING) << "containers run WITHOUT isolation or limits (posix launcher): "
                       << host->no_isolation_because();
  }
  telemetry::Health health;
  MEROS_ASSIGN_OR_RETURN(
      auto metrics_server,
      telemetry::MetricsServer::Start({.address = config.common.metrics_address,
                                       .port = static_cast<int>(config.common.metrics_port)},
                                      &registry, &health));
  const std::string address = "unix:" + config.socket;
  MEROS_ASSIGN_OR_RETURN(
      auto server, rpc::Server::Start(
                       {.addresses = {address}, .reflection = config.grpc_reflection}, {&service}));
  telemetry::AnnounceReady("containerizer", address, metrics_server->port());
  const int signal = runtime::WaitForStopSignal();
  MEROS_LOG(INFO) << "stopping; containers go on" << telemetry::Field("signal", signal);
  server->Shutdown(kShutdownGrace);
  host->Stop();
  return absl::OkStatus();
}

}  // namespace
}  // namespace meros::containerizer

int main(int argc, char** argv) {
  using namespace meros;
  runtime::BlockStopSignals();
  containerizer::Config config;
  config::FlagSet flags("containerizer", "Runs containers for the agent of this node.");
  containerizer::AddFlags(&config, &flags);
  const std::vector<std::string> warnings = config::ParseOrExit(argc, argv, &flags);
  telemetry::InitLogging({.service = "containerizer",
                          .level = *telemetry::ParseSeverity(config.common.log_level),
                          .format = *telemetry::ParseLogFormat(config.common.log_format)});
  for (const std::string& warning : warnings) MEROS_LOG(WARNING) << warning;
  const absl::Status status = containerizer::Run(config);
  if (status.ok()) return 0;
  MEROS_LOG(ERROR) << "cannot run: " << status.message();
  return 1;
}
