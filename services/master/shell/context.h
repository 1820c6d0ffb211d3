// What the services of the shell share: where inputs go, who waits for answers, where readers ask.
//
// Thread rule: thread-safe.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/resources/agent_constraints.h"
#include "libs/rpc/outbox.h"
#include "meros/allocator/v1/explain.pb.h"
#include "meros/v1/master.pb.h"
#include "services/master/core/effects.h"
#include "services/master/core/inputs.h"
#include "services/master/shell/master_metrics.h"
#include "services/master/shell/rate_limiter.h"
#include "services/master/shell/read_replica.h"
#include "services/master/shell/reply_table.h"
#include "services/master/shell/streams.h"

namespace meros::master {

struct ShellContext {
  // From outside; false when the master has more waiting than it may, or only starts. The input is
  // then dropped.
  std::function<bool(Input&& input)> try_post;
  // The same for what may wait a little (runtime::Urgency::kSoon).
  std::function<bool(Input&& input)> try_post_soon;
  // From our own parts; never refused.
  std::function<void(Input&& input)> post;

  // Set when everything else here and the core are in place; `info` is not read before.
  std::atomic<bool> is_running{false};
  v1::MasterInfo info;
  absl::Time started;            // the process
  resources::RegexLimits regex;  // of offer constraints; set before calls can come
  rpc::OutboxOptions outbox;     // of each stream; set before calls can come
  // What the core last said of leadership, for readiness.
  std::atomic<LeadershipState> leadership{LeadershipState::kStandby};
  std::atomic<bool> is_leader_known{false};

  // Why something is not offered; `done` is called once, on any thread. Set with is_running.
  using Explained = std::function<void(absl::StatusOr<allocator::v1::ExplainResponse> answer)>;
  std::function<void(allocator::v1::ExplainRequest question, Explained done)> explain;

  // The process is of no use and ends. Set with is_running.
  std::function<void(absl::Status why)> quit;

  Numbers numbers;
  ReplyTable replies;
  MasterMetrics* metrics = nullptr;
  ReadReplica* replica = nullptr;
  RateLimiter* limiter = nullptr;

  static absl::Status Overloaded() {
    return absl::ResourceExhaustedError("the master has too much to do, try again later");
  }
};

}  // namespace meros::master
