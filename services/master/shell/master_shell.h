// The master as a running process: the core on its strand, the services, the links, the readers.
//
// Order of ending: no more calls, the core stops (the lease is given back), the election, links,
// readers.
//
// Owner: main. Thread rule: thread-compatible.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/mutex.h"
#include "libs/config/flag_set.h"
#include "libs/rpc/server.h"
#include "libs/runtime/core_strand.h"
#include "libs/telemetry/health.h"
#include "libs/telemetry/metrics.h"
#include "libs/telemetry/strand_metrics.h"
#include "services/master/config.h"
#include "services/master/core/master_core.h"
#include "services/master/shell/agent_link_service.h"
#include "services/master/shell/allocator_link.h"
#include "services/master/shell/context.h"
#include "services/master/shell/limited_master_service.h"
#include "services/master/shell/master_metrics.h"
#include "services/master/shell/outbound.h"
#include "services/master/shell/registry_link.h"
#include "services/master/shell/scheduler_service.h"
#include "services/master/shell/snapshot_service.h"
#include "services/master/shell/whitelist_file.h"
#include "services/master/shell/zookeeper_election.h"

namespace meros::master {

class MasterShell {
 public:
  // Serves. `metrics` and `health` outlive the shell; a readiness check is added to the latter.
  // ERRORS: as rpc::Server::Start, rpc::MakeChannel and WhitelistWatch::Start.
  static absl::StatusOr<std::unique_ptr<MasterShell>> Start(
      const MasterConfig& config, ProcessFacts process, telemetry::MetricRegistry* metrics,
      telemetry::Health* health);
  ~MasterShell() { Stop(); }

  int port() const { return server_->port(0); }
  // host:port as others are told.
  const std::string& advertised() const { return context_.info.pid(); }

  // Why the master asked for the end of the process; OK if it did not.
  absl::Status failure() const;

  // Gives the lease back, tells everyone, and ends. Idempotent.
  void Stop();

 private:
  using Strand = runtime::CoreStrand<MasterCore>;

  explicit MasterShell(telemetry::MetricRegistry* metrics)
      : metrics_(metrics),
        strand_metrics_(metrics),
        whitelist_metrics_(metrics),
        metric_registry_(metrics) {}
  absl::Status Begin(const MasterConfig& config, ProcessFacts process);
  absl::Status Run(const MasterConfig& config, const MasterOptions& options);
  absl::Status DialRegistry(const MasterConfig& config, const MasterOptions& options);
  absl::Status Ready() const;

  MasterMetrics metrics_;
  telemetry::StrandMetrics strand_metrics_;
  WhitelistMetrics whitelist_metrics_;
  ShellContext context_;
  telemetry::MetricRegistry* const metric_registry_;
  std::unique_ptr<RateLimiter> limiter_;
  std::unique_ptr<ReadReplica> replica_;
  std::unique_ptr<Strand> strand_;
  std::unique_ptr<SchedulerService> schedulers_;
  std::unique_ptr<AgentLinkService> agents_;
  std::unique_ptr<LimitedMasterService> operators_;
  std::unique_ptr<SnapshotService> snapshots_;
  std::unique_ptr<AllocatorLink> allocator_;
  std::unique_ptr<RegistryLink> registry_;
  std::unique_ptr<EpochSource> epochs_;
  std::unique_ptr<ZooKeeperElection> election_;  // null: the registry's
  std::unique_ptr<Outbound> outbound_;
  std::unique_ptr<rpc::Server> server_;
  mutable Mutex mutex_;
  absl::Status failure_ MEROS_GUARDED_BY(mutex_);
  std::unique_ptr<WhitelistWatch> whitelist_;  // null: all agents
};

}  // namespace meros::master
