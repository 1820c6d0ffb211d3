// What an agent counts, under the names of docs/reference/metrics.md.
//
// Owner: Agent; outlives all that counts. Thread rule: thread-safe.
#pragma once

#include <array>

#include "libs/telemetry/metrics.h"
#include "services/agent/core/effects.h"
#include "services/agent/shell/committer.h"
#include "services/agent/shell/sandbox_store.h"

namespace meros::agent {

class AgentMetrics : public CommitObserver {
 public:
  explicit AgentMetrics(telemetry::MetricRegistry* registry);

  void Add(Counter what) { counters_[static_cast<size_t>(what)].Add(); }
  // `sandboxes` outlives the metrics server.
  void Watch(const SandboxStore* sandboxes);

  void OnCommit(size_t records, absl::Duration duration) override;
  void OnCommitFailed(const absl::Status& status) override;

  telemetry::Gauge registered;               // 1 while RUNNING
  telemetry::Gauge containerizer_connected;  // 1 while it has a stream

 private:
  void AddCounters();

  telemetry::MetricRegistry* const registry_;
  std::array<telemetry::Counter, static_cast<size_t>(Counter::kLast) + 1> counters_;
  telemetry::Histogram commit_seconds_;
  telemetry::Counter committed_records_, commit_errors_;
};

}  // namespace meros::agent
