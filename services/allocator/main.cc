// meros-allocator: decides who is offered what. See README.md.
#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/server.h"
#include "libs/runtime/random_seed.h"
#include "libs/runtime/signals.h"
#include "libs/telemetry/announce.h"
#include "libs/telemetry/log.h"
#include "libs/telemetry/metrics_server.h"
#include "libs/telemetry/process_metrics.h"
#include "libs/telemetry/strand_metrics.h"
#include "services/allocator/config.h"
#include "services/allocator/shell/core_metrics.h"
#include "services/allocator/shell/service.h"

namespace meros::allocator {
namespace {

constexpr absl::Duration kShutdownGrace = absl::Seconds(2);

// "127.0.0.1:0" with the port that was bound.
std::string BoundAddress(const std::string& address, int port) {
  return absl::StrCat(address.substr(0, address.rfind(':')), ":", port);
}

absl::Status Run(const Config& config) {
  MEROS_RETURN_IF_ERROR(config.tls.Validate());
  MEROS_ASSIGN_OR_RETURN(Options options, CoreOptions(config));
  telemetry::MetricRegistry registry("allocator");
  telemetry::AddProcessMetrics(&registry);
  telemetry::AddBuildInfo(ThisBuild(), &registry);
  telemetry::StrandMetrics strand_metrics(&registry);
  CoreMetrics core_metrics(&registry);
  telemetry::Health health;

  Rng entropy(runtime::RandomSeed());
  const uint64_t seed = config.seed == 0 ? entropy.Next() : static_cast<uint64_t>(config.seed);
  Service::Strand strand(MeasuredCore(Core(std::move(options), Rng(seed)), &core_metrics),
                         {.name = "allocator",
                          .mailbox_max = static_cast<size_t>(config.mailbox_max),
                          .observer = &strand_metrics});
  Service service(&strand, {entropy.Uuid(), absl::StrCat("meros-allocator ", config::Version())});
  service.Start();

  MEROS_ASSIGN_OR_RETURN(
      auto metrics_server,
      telemetry::MetricsServer::Start({.address = config.common.metrics_address,
                                       .port = static_cast<int>(config.common.metrics_port)},
                                      &registry, &health));
  MEROS_ASSIGN_OR_RETURN(auto server, rpc::Server::Start({.addresses = {config.address},
                                                          .tls = config.tls,
                                                          .reflection = config.grpc_reflection},
                                                         {&service}));
  const std::string address = BoundAddress(config.address, server->port(0));
  MEROS_LOG(INFO) << "serving" << telemetry::Field("address", address)
                  << telemetry::Field("seed", seed);
  telemetry::AnnounceReady("allocator", address, metrics_server->port());
  const int signal = runtime::WaitForStopSignal();
  MEROS_LOG(INFO) << "stopping" << telemetry::Field("signal", signal);
  server->Shutdown(kShutdownGrace);
  strand.Stop();
  return absl::OkStatus();
}

}  // namespace
}  // namespace meros::allocator

int main(int argc, char** argv) {
  using namespace meros;
  runtime::BlockStopSignals();
  allocator::Config config;
  config::FlagSet flags("allocator", "Decides which framework is offered which resources.");
  allocator::AddFlags(&config, &flags);
  const std::vector<std::string> warnings = config::ParseOrExit(argc, argv, &flags);
  telemetry::InitLogging({.service = "allocator",
                          .level = *telemetry::ParseSeverity(config.common.log_level),
                          .format = *telemetry::ParseLogFormat(config.common.log_format)});
  for (const std::string& warning : warnings) MEROS_LOG(WARNING) << warning;
  const absl::Status status = allocator::Run(config);
  if (status.ok()) return 0;
  MEROS_LOG(ERROR) << "cannot run: " << status.message();
  return 1;
}
