// Everything a master does to the world, in the order in which it must be seen: per stream, effects
// keep their order. The shell encodes them (shell/encode.h) and decides nothing.
//
// Thread rule: immutable values, moved out of the core.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/base/ids.h"
#include "libs/resources/resources.h"
#include "meros/v1/agent.pb.h"
#include "meros/v1/executor.pb.h"
#include "meros/v1/framework.pb.h"
#include "meros/v1/task.pb.h"
#include "services/master/core/agent.h"
#include "services/master/core/agent_messages.h"
#include "services/master/core/allocator_messages.h"
#include "services/master/core/counts.h"
#include "services/master/core/framework.h"
#include "services/master/core/gang.h"
#include "services/master/core/inverse_offer.h"
#include "services/master/core/maintenance.h"
#include "services/master/core/offer.h"
#include "services/master/core/operation.h"
#include "services/master/core/role.h"
#include "services/master/core/task.h"

namespace meros::master {

// ---- To schedulers ----

struct SubscribedEvent {
  FrameworkId framework_id;
  absl::Duration heartbeat_interval;
};
struct HeartbeatEvent {};
struct OffersEvent {
  std::vector<OfferRef> offers;  // not empty
  // What the framework can read (capabilities MULTI_ROLE and RESERVATION_REFINEMENT).
  bool shows_allocation = true;
  bool shows_refinement = true;
};
struct RescindEvent {
  OfferId offer_id;
};
struct InverseOffersEvent {
  std::vector<InverseOfferRef> offers;  // not empty
};
struct RescindInverseOfferEvent {
  OfferId offer_id;
};
struct UpdateEvent {
  std::shared_ptr<const v1::TaskStatus> status;
};
struct OperationEvent {
  std::shared_ptr<const v1::OperationStatus> status;
};
struct MessageEvent {
  AgentId agent_id;
  ExecutorId executor_id;
  std::string data;
};
struct FailureEvent {
  AgentId agent_id;
  ExecutorId executor_id;  // empty: the agent itself is lost
  int32_t wait_status = 0;
};
struct ErrorEvent {
  std::string message;
};
// A gang will not be offered.
struct GangEndedEvent {
  // As v1::scheduler::Event::GangEnded::Reason.
  enum class Reason { kDeadline = 1, kRefused = 2, kRoleLeft = 3 };
  std::string gang_id;
  Reason reason = Reason::kDeadline;
  std::string message;
};

struct ToScheduler {
  using Event =
      std::variant<SubscribedEvent, HeartbeatEvent, OffersEvent, RescindEvent, InverseOffersEvent,
                   RescindInverseOfferEvent, UpdateEvent, OperationEvent, MessageEvent,
                   FailureEvent, ErrorEvent, GangEndedEvent>;
  StreamId stream = 0;
  Event event;
};

// ---- To the registry ----

// Asks for the lease. Answered by LeaseAnswer.
struct AcquireLease {
  uint64_t attempt = 0;
  absl::Duration ttl;
};
// Asks for more time. Answered by LeaseAnswer.
struct RenewLease {
  uint64_t attempt = 0;
  uint64_t epoch = 0;
  absl::Duration ttl;
};
// Gives the lease back, best effort.
struct ReleaseLease {
  uint64_t epoch = 0;
};
// Asks for everything. Answered by RegistrySnapshot.
struct ReadRegistry {
  uint64_t epoch = 0;
};

// What every record of an agent holds.
struct AgentFacts {
  AgentId id;
  std::string registration_key;
  std::shared_ptr<const v1::AgentInfo> info;
  std::string ip;
  AgentOrders orders;
  std::string version = {};
  AgentCapabilities capabilities = {};
};
struct AdmitAgentRecord {
  AgentFacts agent;
};
struct UpdateAgentRecord {
  AgentFacts agent;
};
struct UnreachableAgentRecord {
  AgentFacts agent;
  absl::Time since;
};
struct ReachableAgentRecord {
  AgentFacts agent;
};
// Its orders changed, nothing else.
struct AgentOrdersRecord {
  AgentFacts agent;
  absl::Time unreachable_since;  // InfinitePast: it is not
};
struct GoneAgentRecord {
  AgentFacts agent;
};
struct RemoveAgentRecord {
  AgentId id;
};
struct PutFrameworkRecord {
  FrameworkId id;
  std::shared_ptr<const v1::FrameworkInfo> info;
  std::vector<std::string> roles;
  absl::Duration failover_timeout;
  absl::Time registered;
  absl::Time failover_deadline;  // InfiniteFuture: connected
};
struct RemoveFrameworkRecord {
  FrameworkId id;  // a tombstone remains
};
struct ForgetFrameworkRecord {
  FrameworkId id;  // nothing remains
};
// Together or not at all. Of a default one nothing remains.
struct PutRolesRecord {
  std::vector<RoleConfigRef> configs;  // not empty
};

// The schedule, and which machines are down. Never null.
struct PutMaintenanceRecord {
  MaintenanceRef before;
  MaintenanceRef after;
};

using RegistryRecord = std::variant<AdmitAgentRecord, UpdateAgentRecord, UnreachableAgentRecord,
                                    ReachableAgentRecord, AgentOrdersRecord, GoneAgentRecord,
                                    RemoveAgentRecord, PutFrameworkRecord, RemoveFrameworkRecord,
                                    ForgetFrameworkRecord, PutRolesRecord, PutMaintenanceRecord>;

// Makes a record durable. Answered by RegistryWritten.
struct WriteRegistry {
  uint64_t token = 0;
  uint64_t epoch = 0;
  std::shared_ptr<const RegistryRecord> record;  // never null
};

// ---- To callers, streams and readers ----

// The answer to a unary call.
struct Reply {
  uint64_t call = 0;
  absl::Status status;
};

// Ends a stream, scheduler's, agent's or allocator's, after what was sent on it.
struct CloseStream {
  StreamId stream = 0;
  absl::Status status;
};

// What leads, for readiness, GetMaster and refusals.
enum class LeadershipState { kStandby, kAcquiring, kRecovering, kLeading, kFenced, kStopping };

absl::string_view LeadershipStateName(LeadershipState state);

struct LeadershipRecord {
  LeadershipState state = LeadershipState::kStandby;
  uint64_t epoch = 0;
  std::string leader_address;                   // empty while unknown
  absl::Time led_since = absl::InfinitePast();  // this master itself, while it leads
  size_t agents_recovering = 0;                 // of those below, that have not come back
  size_t agents_to_recover = 0;                 // that this leader found in the registry
  size_t agents_held_back = 0;  // silent for too long, too many at once (agent_health.h)
};

// An agent's amounts changed, nothing else; readers are shown it, watchers are not told.
struct AgentUsage {
  AgentId id;
  resources::Resources used;
  resources::Resources offered;
};
// The same of a framework.
struct FrameworkUsage {
  FrameworkId id;
  absl::btree_map<std::string, RoleUsage> by_role;
  std::shared_ptr<const FrameworkCounts> counts;  // null: as before
};
// What is counted of all frameworks and agents. Never null. Watchers are not told.
struct CountsChanged {
  std::shared_ptr<const ClusterCounts> counts;
};
struct AgentRemoved {
  AgentId id;
};
struct FrameworkRemoved {
  FrameworkId id;
};
struct TaskChanged {
  Task task;
  bool completed = false;  // in the history
};
// A task left the books or the history.
struct TaskRemoved {
  FrameworkId framework_id;
  TaskId task_id;
  uint64_t sequence = 0;
};
// A custom executor runs, or is about to.
struct ExecutorAdded {
  AgentId agent_id;
  FrameworkId framework_id;
  ExecutorId id;
  std::shared_ptr<const v1::ExecutorInfo> info;  // never null
};
struct ExecutorRemoved {
  AgentId agent_id;
  FrameworkId framework_id;
  ExecutorId id;
};
// An offer, of either kind, is outstanding no more. Watchers are not told of offers.
struct OfferEnded {
  uint64_t sequence = 0;
};
// An operation is done with.
struct OperationRemoved {
  uint64_t sequence = 0;
};
// What is set of a role changed; a default one means that nothing is set any more.
struct RoleChanged {
  RoleConfigRef config;
};
// Never null.
struct MaintenanceChanged {
  MaintenanceRef plan;
};
// Everything is void: leadership ended.
struct Cleared {};

// One change of what readers see. Revisions grow by one per change, for ever.
struct Publish {
  using Change =
      std::variant<std::shared_ptr<const AgentRecord>, std::shared_ptr<const AgentUsage>,
                   AgentRemoved, std::shared_ptr<const FrameworkRecord>, FrameworkUsage,
                   FrameworkRemoved, TaskChanged, TaskRemoved, ExecutorAdded, ExecutorRemoved,
                   std::shared_ptr<const Operation>, OperationRemoved, OfferRef, InverseOfferRef,
                   OfferEnded, RoleChanged, MaintenanceChanged, LeadershipRecord, CountsChanged,
                   Cleared>;
  uint64_t revision = 0;
  Change change;
};

// Something worth counting that no other effect shows.
enum class Count {
  kOffersExpired,
  kOffersDeclined,
  kInvalidAcknowledgements,
  kInvalidStatusUpdates,
  kDroppedMessages,
  kTaskErrors,
  kFailedCalls,
  kRepeatedRequests,
  kDeferredInputs,
  kDeferredOverflow,
  kLeaderWaits,
  kEarlyReports,
  kProposalsRejected,
  kRegistryRetries,
  kForbiddenTransitions,
  kRoleChanges,
  kOffersRescindedForQuota,
  kGangsOffered,
  kGangsExpired,
  kAgentOrders,
  kAgentsDrained,
  kAgentsGone,
  kAgentsForgotten,
  kUnreachableScheduled,
  kUnreachableCanceled,
  kOperationsApplied,
  kOperationsRefused,
  kMaintenanceChanges,
  kAgentsRefusedDown,
  kAgentsSentAway,
  kInverseOffersAccepted,
  kInverseOffersDeclined,
  kInverseOffersExpired,
  kAgentDigestsMatched,
  kAgentReportsAsked,
  kAgentHistoriesAsked,
  kAgentHistoryTasks,
  // An agent said what contradicts the books, and was not believed.
  kAgentIdDisputed,
  kAgentTaskDisputed,
  kAgentOperationDisputed,
  kAgentTotalDisputed,
  kAgentFrameworksDisputed,
  kAgentHistoryDisputed,
};
struct Counted {
  Count what;
  uint64_t by = 1;
};

// Who lost what to whom, for the log and the counters: a task that is killed, or an offer that is
// taken back, because a guarantee is not met.
struct Preempted {
  FrameworkId framework_id;
  std::string role;
  AgentId agent_id;
  TaskId task_id;  // empty: an offer
  resources::ResourceQuantities amount;
  std::string for_role;
};
// A proposal to preempt that does not hold, or that nothing can be done about.
struct PreemptionRefused {
  FrameworkId framework_id;
  std::string role;
  AgentId agent_id;
  std::string for_role;
  absl::Status why;
};

// This process can be of no use in the cluster, and is to end.
struct Quit {
  absl::Status why;
};

using Effect = std::variant<ToScheduler, ToAgent, ToAllocator, AcquireLease, RenewLease,
                            ReleaseLease, ReadRegistry, WriteRegistry, Reply, CloseStream, Publish,
                            Counted, std::shared_ptr<const Preempted>, PreemptionRefused, Quit>;
using EffectList = std::vector<Effect>;
// A list of many is written and read once: what is large and rare lies behind a pointer.
static_assert(sizeof(Effect) <= 216);

}  // namespace meros::master
