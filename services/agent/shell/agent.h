// The running agent: the core on its strand, and what connects it to masters, containerizer and
// disk.
//
//            ┌──────── strand: AgentCore ────────┐
//   inputs ──▶                                   ├──▶ at once: heartbeats, stops, sandboxes, log
//            └───────────────────────────────────┘└──▶ Committer ──▶ after its commit: the rest
//
// Decides nothing.
//
// Owner: main. Thread rule: thread-safe; Start and Stop once each.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "libs/runtime/core_strand.h"
#include "libs/telemetry/health.h"
#include "libs/telemetry/metrics.h"
#include "services/agent/core/agent_core.h"
#include "services/agent/shell/committer.h"
#include "services/agent/shell/containerizer_client.h"
#include "services/agent/shell/master_link.h"
#include "services/agent/shell/metrics.h"
#include "services/agent/shell/sandbox_store.h"
#include "services/agent/shell/volume_store.h"

namespace meros::agent {

struct AgentParts {
  AgentOptions core;
  MasterLinkOptions link;
  std::string containerizer_address;  // unix:/path
  std::unique_ptr<storage::Store> store;
  CommitterOptions commits;
  uint64_t seed = 0;
  // Outlive the agent.
  SandboxStore* sandboxes = nullptr;
  AgentMetrics* metrics = nullptr;
  runtime::StrandObserver* strand_observer = nullptr;  // may be null
  // Called once, from one of the agent's threads, when it has nothing left to do.
  std::function<void(absl::Status)> on_exit;
};

class Agent {
 public:
  explicit Agent(AgentParts parts);
  ~Agent() { Stop(); }

  // Reads the records and begins. ERRORS: those of the store.
  absl::Status Start();
  // Tasks go on. Idempotent.
  void Stop();

  // Runs `read` on the strand. After Stop it is dropped unrun.
  void Inspect(std::function<void(const AgentCore&)> read) { strand_.Inspect(std::move(read)); }
  ContainerizerClient& containerizer() { return containerizer_; }
  AgentState state() const { return state_.load(std::memory_order_relaxed); }

  void AddChecks(telemetry::Health* health);
  // Those that only the core can tell. The agent outlives the metrics server.
  void AddMetrics(telemetry::MetricRegistry* registry);

 private:
  void Apply(std::vector<Effect> effects);
  void PerformNow(Effect effect);
  void ChangeDisk(ChangeVolumes change);
  void PerformCommitted(std::vector<Effect> effects);
  void Log(const Notice& notice);
  void Publish(AgentState state);
  void Exited(absl::Status reason);

  SandboxStore* const sandboxes_;
  AgentMetrics* const metrics_;
  VolumeStore volumes_;
  std::function<void(absl::Status)> on_exit_;
  Redialer redialer_;
  ContainerizerClient containerizer_;
  MasterLink link_;
  storage::Store* const store_;  // until the committer starts
  Committer committer_;
  runtime::CoreStrand<AgentCore> strand_;
  std::atomic<AgentState> state_{AgentState::kRecovering};
  std::atomic<bool> has_containerizer_{false};
  std::atomic<bool> is_counting_updates_{false};
  std::atomic<size_t> updates_unacknowledged_{0};
  bool is_stopped_ = false;

  // Of the strand's thread.
  std::string last_notice_;
  absl::Time last_notice_time_;
};

}  // namespace meros::agent
