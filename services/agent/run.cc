#include "services/agent/run.h"

#include <signal.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/mutex.h"
#include "libs/base/status_macros.h"
#include "libs/linux/files.h"
#include "libs/rpc/server.h"
#include "libs/runtime/random_seed.h"
#include "libs/runtime/signals.h"
#include "libs/storage/sqlite_store.h"
#include "libs/telemetry/announce.h"
#include "libs/telemetry/log.h"
#include "libs/telemetry/metrics_server.h"
#include "libs/telemetry/process_metrics.h"
#include "libs/telemetry/strand_metrics.h"
#include "services/agent/shell/agent.h"
#include "services/agent/shell/agent_service.h"
#include "services/agent/shell/file_followers.h"

namespace meros::agent {
namespace {

constexpr absl::Duration kShutdownGrace = absl::Seconds(2);

// The agent asks its own process to stop, as an operator would, and leaves the reason here.
class ExitRequest {
 public:
  void Set(absl::Status status) {
    {
      MutexLock lock(&mutex_);
      status_ = std::move(status);
    }
    ::kill(::getpid(), SIGTERM);
  }
  absl::Status Get() {
    MutexLock lock(&mutex_);
    return status_;
  }

 private:
  Mutex mutex_;
  absl::Status status_ MEROS_GUARDED_BY(mutex_);
};

absl::StatusOr<std::unique_ptr<storage::Store>> OpenStore(const Config& config) {
  const absl::Status made = os::MakeDirectories(config.work_dir, 0755);
  if (!made.ok()) return absl::Status(made.code(), absl::StrCat("--work_dir: ", made.message()));
  return storage::OpenSqliteStore({.path = absl::StrCat(config.work_dir, "/checkpoint.db")});
}

}  // namespace

absl::Status Run(const Config& config) {
  MEROS_RETURN_IF_ERROR(Validate(config));
  // Before anything else happens: a second agent should not get any further.
  MEROS_ASSIGN_OR_RETURN(std::unique_ptr<storage::Store> store, OpenStore(config));
  telemetry::MetricRegistry registry("agent");
  telemetry::AddProcessMetrics(&registry);
  telemetry::AddBuildInfo(ThisBuild(), &registry);
  telemetry::StrandMetrics strand_metrics(&registry);
  AgentMetrics metrics(&registry);
  SandboxStore sandboxes(SandboxOptionsOf(config));
  metrics.Watch(&sandboxes);
  FileFollowers followers({}, [&](const std::string& path) { return sandboxes.IsLive(path); });
  AgentService service(&sandboxes, &followers);
  MEROS_ASSIGN_OR_RETURN(auto server, rpc::Server::Start({.addresses = {config.address},
                                                          .tls = config.tls,
                                                          .reflection = config.grpc_reflection},
                                                         {&service}));
  MEROS_ASSIGN_OR_RETURN(AgentOptions options, CoreOptions(config, server->port(0)));
  const std::string service_address = options.service_address;
  ExitRequest exit;
  Agent agent({.core = std::move(options),
               .link = {.masters = config.master, .tls = config.tls},
               .containerizer_address = config.containerizer,
               .store = std::move(store),
               .seed = runtime::RandomSeed(),
               .sandboxes = &sandboxes,
               .metrics = &metrics,
               .strand_observer = &strand_metrics,
               .on_exit = [&exit](absl::Status status) { exit.Set(std::move(status)); }});
  telemetry::Health health;
  agent.AddChecks(&health);
  agent.AddMetrics(&registry);
  MEROS_ASSIGN_OR_RETURN(
      auto metrics_server,
      telemetry::MetricsServer::Start({.address = config.common.metrics_address,
                                       .port = static_cast<int>(config.common.metrics_port)},
                                      &registry, &health));
  MEROS_RETURN_IF_ERROR(agent.Start());
  service.SetAgent(&agent);
  telemetry::AnnounceReady("agent", service_address, metrics_server->port());
  const int signal = runtime::WaitForStopSignal();
  MEROS_LOG(INFO) << "stopping; tasks go on" << telemetry::Field("signal", signal);
  followers.Stop();
  server->Shutdown(kShutdownGrace);
  agent.Stop();
  return exit.Get();
}

}  // namespace meros::agent
