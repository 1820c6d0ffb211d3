// What the core waits for. Timers are never cancelled: whoever handles one looks whether it still
// means anything, which costs less than keeping track and cannot go wrong.
//
// Thread rule: strand-confined.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>

#include "absl/container/btree_map.h"
#include "absl/time/time.h"
#include "libs/base/ids.h"

namespace meros::master {

struct AgentSilenceTimer {
  AgentId agent_id;
};
struct RecoveredAgentTimer {
  AgentId agent_id;
};
// Armed for now when something left an agent that is to be emptied, and for the end of a drain's
// delay.
struct DrainTimer {
  AgentId agent_id;
};
// For those that have been unreachable for long enough.
struct ForgetAgentsTimer {};
// One for all late agents: armed for the first of which something is to be decided.
struct LateAgentsTimer {};
struct AgentReportTimer {
  StreamId stream = 0;
};
// Time is over for an agent that was asked for its history; with stream 0, time to ask others.
struct AgentHistoryTimer {
  StreamId stream = 0;
};
struct FrameworkHeartbeatTimer {
  StreamId stream = 0;
};
struct FrameworkFailoverTimer {
  FrameworkId framework_id;
};
// One for all offers: armed for the first that expires.
struct OfferExpiryTimer {};
struct InverseOfferExpiryTimer {
  uint64_t sequence = 0;
};
struct GangDeadlineTimer {
  uint64_t sequence = 0;
};
struct RegistryRetryTimer {
  uint64_t token = 0;
};
struct PublishUsageTimer {};

using Timer =
    std::variant<AgentSilenceTimer, RecoveredAgentTimer, DrainTimer, ForgetAgentsTimer,
                 LateAgentsTimer, AgentReportTimer, AgentHistoryTimer, FrameworkHeartbeatTimer,
                 FrameworkFailoverTimer, OfferExpiryTimer, InverseOfferExpiryTimer,
                 GangDeadlineTimer, RegistryRetryTimer, PublishUsageTimer>;

class Timers {
 public:
  // A timer for InfiniteFuture is not kept.
  void Arm(absl::Time at, Timer timer) {
    if (at == absl::InfiniteFuture()) return;
    timers_.emplace(std::make_pair(at, next_++), std::move(timer));
  }

  absl::Time Next() const {
    return timers_.empty() ? absl::InfiniteFuture() : timers_.begin()->first.first;
  }

  // REQUIRES: Next() is finite. Equal times come in the order in which they were armed.
  Timer Pop() {
    Timer timer = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    return timer;
  }

  size_t size() const { return timers_.size(); }

 private:
  absl::btree_map<std::pair<absl::Time, uint64_t>, Timer> timers_;
  uint64_t next_ = 0;
};

}  // namespace meros::master
