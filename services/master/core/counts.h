// What the master counts of each framework and of all of them: calls, events, offers, operations,
// the ends of tasks, and what agents say and do. Counted since this master began to lead; published
// with the amounts (Transaction::PublishUsage) and shown by shell/count_tables.h.
//
// Thread rule: strand-confined; published copies are immutable.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <tuple>

#include "absl/container/btree_map.h"
#include "absl/strings/string_view.h"
#include "meros/v1/offer.pb.h"
#include "meros/v1/operation.pb.h"
#include "meros/v1/task.pb.h"

namespace meros::master {

// SUBSCRIBE, then the alternatives of SchedulerCall::Body in their order.
inline constexpr size_t kSubscribeCall = 0;
inline constexpr std::array<absl::string_view, 18> kCallNames = {"subscribe",
                                                                 "accept",
                                                                 "decline",
                                                                 "revive",
                                                                 "suppress",
                                                                 "kill",
                                                                 "shutdown",
                                                                 "acknowledge",
                                                                 "reconcile",
                                                                 "message",
                                                                 "teardown",
                                                                 "update_framework",
                                                                 "gang",
                                                                 "answer_inverse_offers",
                                                                 "acknowledge_operation_status",
                                                                 "reconcile_operations",
                                                                 "request",
                                                                 "unsupported"};
// The alternatives of ToScheduler::Event in their order.
inline constexpr std::array<absl::string_view, 12> kEventNames = {
    "subscribed",     "heartbeat",
    "offers",         "rescind",
    "inverse_offers", "rescind_inverse_offer",
    "update",         "update_operation_status",
    "message",        "failure",
    "error",          "gang_ended"};

// What agents say in their sessions, heartbeats left out.
enum class AgentSaid {
  kRegister,
  kReregister,
  kStatusUpdate,
  kExitedExecutor,
  kExecutorMessage,
  kAgentUpdate,
  kOperationUpdate,
  kEndedTasks,
  kUnregister,
};
inline constexpr std::array<absl::string_view, 9> kAgentSaidNames = {
    "register",     "reregister",       "status_update", "exited_executor", "executor_message",
    "agent_update", "operation_update", "ended_tasks",   "unregister"};

// What becomes of agents.
enum class AgentChange { kAdmitted, kReturned, kUnreachable, kUnregistered, kGone, kMaintenance };
inline constexpr std::array<absl::string_view, 6> kAgentChangeNames = {
    "admitted", "returned", "unreachable", "unregistered", "gone", "maintenance"};

using CallCounts = std::array<uint64_t, kCallNames.size()>;
using EventCounts = std::array<uint64_t, kEventNames.size()>;
using OperationType = v1::Offer::Operation::Type;

struct OfferCounts {
  uint64_t sent = 0;
  uint64_t accepted = 0;
  uint64_t declined = 0;
  uint64_t rescinded = 0;
};

struct FrameworkCounts {
  CallCounts calls = {};
  EventCounts events = {};
  OfferCounts offers;
  absl::btree_map<OperationType, uint64_t> operations;  // that it asked for, refused ones too
  absl::btree_map<v1::TaskState, uint64_t> ended;       // or became unreachable
};

// A task that ended or became unreachable: how, and, if it was said, by whom and why.
using TaskEnd = std::tuple<v1::TaskState, std::optional<v1::TaskStatus::Source>,
                           std::optional<v1::TaskStatus::Reason>>;
// An operation that came to a state.
using OperationChange = std::tuple<OperationType, v1::OperationState>;

struct ClusterCounts {
  CallCounts calls = {};
  std::array<uint64_t, kAgentSaidNames.size()> agent_said = {};
  std::array<uint64_t, kAgentChangeNames.size()> agent_changes = {};
  absl::btree_map<TaskEnd, uint64_t> ended;
  absl::btree_map<OperationChange, uint64_t> operations;
};

// A count in the making, and whether readers have yet to be told.
template <typename Counts>
struct Counting {
  Counts counts;
  bool is_stale = false;
};

}  // namespace meros::master
