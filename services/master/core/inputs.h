// Everything that can happen to a master. The shell validates and converts what comes from outside
// before it becomes an input (shell/decode.h), so the core sees well-formed values only; what
// depends on the present state is checked here.
//
// Streams are numbered by the shell: unique in one process run, never reused, 0 means none. A
// `call` is the shell's number for a caller that waits for a status, 0 for none (calls on a
// stream).
//
// Thread rule: immutable values, moved into the core.
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
#include "libs/resources/conversions.h"
#include "libs/resources/resources.h"
#include "libs/runtime/tick.h"
#include "libs/tasks/holdings_digest.h"
#include "meros/v1/agent.pb.h"
#include "meros/v1/executor.pb.h"
#include "meros/v1/framework.pb.h"
#include "meros/v1/offer.pb.h"
#include "meros/v1/operation.pb.h"
#include "meros/v1/task.pb.h"
#include "services/master/core/agent.h"
#include "services/master/core/framework.h"
#include "services/master/core/gang.h"
#include "services/master/core/maintenance.h"
#include "services/master/core/role.h"
#include "services/master/core/task_statuses.h"
#include "services/master/core/whitelist.h"

namespace meros::master {

// ---- From schedulers ----

// First call of a stream.
struct Subscribe {
  StreamId stream = 0;
  FrameworkId framework_id;  // empty: a new framework
  Subscription subscription;
  // The authenticated name of the caller; empty where transport security is off.
  std::string authenticated;
  std::string lost_master = {};  // host:port of the one that did not answer; empty if none
};

// A task to launch. What can be judged without the books has been: `fault` says what is wrong.
struct TaskLaunch {
  TaskId id;
  AgentId agent_id;
  ExecutorId executor_id;                      // of a custom executor, or empty
  std::shared_ptr<v1::TaskInfo> info;          // never null
  std::optional<std::string> allocation_role;  // that its resources name, if they name one
  resources::Resources resources;              // without allocation
  resources::Resources executor_resources;     // without allocation
  absl::Status fault;                          // OK, or why it can never be launched
  int fault_rule = 0;                          // number of the broken rule (libs/wire/task_rules.h)
};

struct LaunchOperation {
  std::vector<TaskLaunch> tasks;
  std::string id = {};  // must not be given
};

// Tasks of one executor that are launched all or none; each names it in its info.
struct LaunchGroupOperation {
  std::vector<TaskLaunch> tasks;  // `fault` of each is that of the group
  std::string id = {};            // must not be given
};

// An operation on resources. What can be judged without the books has been: `fault` says what is
// wrong.
struct ResourceOperation {
  std::string id;                                         // framework's, empty: no feedback wanted
  std::string name;                                       // of its type, for people
  std::shared_ptr<const v1::Offer::Operation> info = {};  // never null unless faulty
  std::optional<resources::Operation> content = {};       // without allocation
  std::optional<std::string> allocation_role = {};        // that its resources name, if any
  absl::Status fault = {};
};

using AcceptedOperation = std::variant<LaunchOperation, LaunchGroupOperation, ResourceOperation>;

struct Accept {
  std::vector<OfferId> offers;
  std::vector<AcceptedOperation> operations;
  absl::Duration refuse;  // in [0, 365 days]
};
struct Decline {
  std::vector<OfferId> offers;
  absl::Duration refuse;
};
struct Revive {
  std::vector<std::string> roles;  // empty: all
};
struct Suppress {
  std::vector<std::string> roles;  // empty: all
};
struct Kill {
  TaskId task_id;
  AgentId agent_id;                                   // may be empty
  std::shared_ptr<const v1::KillPolicy> kill_policy;  // may be null
};
struct ShutdownExecutorCall {
  AgentId agent_id;
  ExecutorId executor_id;
};
struct AcknowledgeCall {
  AgentId agent_id;
  TaskId task_id;
  std::string uuid;  // 16 bytes
};
struct AcknowledgeOperationCall {
  AgentId agent_id;
  std::string uuid;  // 16 bytes
  std::string operation_id;
};
struct ReconcileOperationsCall {
  struct Query {
    std::string operation_id;
    AgentId agent_id;  // may be empty
  };
  std::vector<Query> operations;  // empty: all of the framework's that have an id
};
struct ReconcileCall {
  struct Query {
    TaskId task_id;
    AgentId agent_id;  // may be empty
  };
  std::vector<Query> tasks;  // empty: implicit reconciliation
};
struct MessageCall {
  AgentId agent_id;
  ExecutorId executor_id;
  std::string data;
};
struct TeardownCall {};
struct UpdateFrameworkCall {
  Subscription subscription;
};
// Asks for a gang, or withdraws it. Well formed; bounds that an operator sets are checked here.
struct GangRequest {
  std::string gang_id;
  std::string role;                 // empty: the only one of the framework
  std::vector<GangBundle> bundles;  // empty: withdraw
  bool distinct_agents = false;
  absl::Duration deadline;  // InfiniteDuration: the longest allowed
};
// What a framework says to inverse offers.
struct AnswerInverseOffers {
  std::vector<OfferId> offers;
  bool accepted = false;
  absl::Duration refuse;  // in [0, 365 days]
};
// A hint without effect (REQUEST without a gang).
struct HintCall {};
// A call that this master does not carry out; the status says so.
struct UnsupportedCall {
  absl::Status status;
};

// Any call but SUBSCRIBE.
struct SchedulerCall {
  using Body =
      std::variant<Accept, Decline, Revive, Suppress, Kill, ShutdownExecutorCall, AcknowledgeCall,
                   ReconcileCall, MessageCall, TeardownCall, UpdateFrameworkCall, GangRequest,
                   AnswerInverseOffers, AcknowledgeOperationCall, ReconcileOperationsCall, HintCall,
                   UnsupportedCall>;
  StreamId stream = 0;  // 0: outside of a stream
  uint64_t call = 0;    // 0: on a stream
  FrameworkId framework_id;
  std::string request_id;
  std::string authenticated;
  Body body;
};

struct SchedulerStreamClosed {
  StreamId stream = 0;
};

// ---- From agents ----

struct AgentDescription {
  std::shared_ptr<const v1::AgentInfo> info;  // never null; id set when reregistering
  std::string registration_key;
  std::string version;
  std::string service_address;
  std::string resource_version_uuid;
  resources::Resources total;  // without allocation; as operations have made it
  uint64_t epoch_seen = 0;
  std::string lost_master;  // host:port of the one that did not answer; empty if none
  std::string ip;           // that it connects from; empty if not known
  AgentCapabilities capabilities;
  std::vector<EndedSummary> ended = {};  // each framework once
};

struct AgentRegister {
  StreamId stream = 0;
  AgentDescription agent;
};

// A task as its agent reports it.
struct ReportedTask {
  TaskId id;
  FrameworkId framework_id;
  ExecutorId executor_id;
  std::string role;
  resources::Resources resources;  // without allocation
  v1::TaskState state = v1::TASK_STAGING;
  std::optional<v1::TaskState> forwarded_state;
  std::string forwarded_uuid;
  std::string name;
  std::string description;  // as DescribeTask
  TaskStatuses statuses;
};

// An operation whose result is not acknowledged, as its agent reports it.
struct ReportedOperation {
  std::string uuid;                                   // 16 bytes
  FrameworkId framework_id;                           // empty: an operator's
  std::shared_ptr<const v1::Offer::Operation> info;   // never null
  std::shared_ptr<const v1::OperationStatus> status;  // never null
};

struct ReportedFramework {
  FrameworkId id;
  Subscription subscription;
};

struct AgentReregister {
  StreamId stream = 0;
  AgentId agent_id;
  AgentDescription agent;
  std::vector<ReportedFramework> frameworks;
  std::vector<ReportedTask> tasks;
  std::vector<Executor> executors;
  std::vector<ReportedOperation> operations = {};
  // In place of the three: what they would be, in short.
  std::optional<tasks::HoldingsDigest> digest;
};

struct AgentHeartbeat {
  StreamId stream = 0;
};

struct AgentStatusUpdate {
  StreamId stream = 0;
  FrameworkId framework_id;
  TaskId task_id;
  std::shared_ptr<const v1::TaskStatus> status;  // uuid of 16 bytes
  v1::TaskState latest_state = v1::TASK_STAGING;
  bool is_ahead = false;  // the task's end, for the master alone; it comes again in its turn
};

struct AgentExecutorExited {
  StreamId stream = 0;
  FrameworkId framework_id;
  ExecutorId executor_id;
  int32_t wait_status = 0;
};

struct AgentExecutorMessage {
  StreamId stream = 0;
  FrameworkId framework_id;
  ExecutorId executor_id;
  std::string data;
};

struct AgentTotalChanged {
  StreamId stream = 0;
  resources::Resources total;
  std::string resource_version_uuid;
};

// A part of the answer to SendEndedTasksMessage.
struct AgentEndedTasks {
  StreamId stream = 0;
  AgentId agent_id;  // whose tasks they are; empty if there are none
  std::vector<ReportedTask> tasks;
  bool more = false;
};

struct AgentOperationUpdate {
  StreamId stream = 0;
  std::string operation_uuid;                         // 16 bytes
  std::shared_ptr<const v1::OperationStatus> status;  // with uuid
};

struct AgentUnregister {
  StreamId stream = 0;
  std::string reason;
};

struct AgentStreamClosed {
  StreamId stream = 0;
};

// ---- From the allocator ----

struct AllocatorConnected {
  StreamId stream = 0;
};

struct Proposal {
  uint64_t id = 0;
  FrameworkId framework_id;
  std::string role;
  AgentId agent_id;
  resources::Resources resources;  // without allocation
  absl::Status fault;              // OK, or why it is malformed
  uint64_t based_on_version = 0;   // of the books, as deltas are numbered
};

// All parts are of one framework and role, as the gang is.
struct GangProposal {
  std::string gang_id;
  FrameworkId framework_id;
  std::string role;
  std::vector<Proposal> parts;
  uint64_t based_on_version = 0;  // of the books, as deltas are numbered
};

struct AllocatorProposals {
  StreamId stream = 0;
  std::vector<Proposal> proposals;
  std::vector<GangProposal> gangs = {};
};

// Takes back what a role holds beyond its guarantee, for one whose guarantee is not met.
struct PreemptionProposal {
  FrameworkId framework_id;
  std::string role;
  AgentId agent_id;
  resources::ResourceQuantities amount;
  std::string for_role;
  absl::Status fault;  // OK, or why it is malformed
};

struct AllocatorPreemptions {
  StreamId stream = 0;
  std::vector<PreemptionProposal> proposals;
};

// Asks a framework to give back what it has on an agent.
struct InverseProposal {
  FrameworkId framework_id;
  AgentId agent_id;
};

struct AllocatorInverseOffers {
  StreamId stream = 0;
  std::vector<InverseProposal> proposals;
};

struct AllocatorNeedsSnapshot {
  StreamId stream = 0;
};

struct AllocatorClosed {
  StreamId stream = 0;
};

// ---- From the registry ----

// The answer to AcquireLease or RenewLease number `attempt`.
struct LeaseAnswer {
  enum class Kind {
    kGranted,      // held by this process for `ttl` from the moment of asking
    kHeldByOther,  // `leader_address` holds it, or has held it meanwhile
    kUnknown,      // no answer
  };
  uint64_t attempt = 0;
  Kind kind = Kind::kUnknown;
  uint64_t epoch = 0;
  absl::Duration ttl;
  std::string leader_address;
  std::string leader_region = {};  // of kHeldByOther; empty: none, or not known
};

// What the registry remembers of the cluster.
struct RegistrySnapshot {
  struct AgentEntry {
    enum class State { kAdmitted, kUnreachable, kGone };
    AgentId id;
    State state = State::kAdmitted;
    std::shared_ptr<const v1::AgentInfo> info;  // never null
    std::string registration_key;
    absl::Time unreachable_since = absl::InfinitePast();
    std::string ip;
    std::string version;
    AgentCapabilities capabilities;
    AgentOrders orders;
  };
  struct FrameworkEntry {
    FrameworkId id;
    bool removed = false;
    absl::Time removed_at = absl::InfinitePast();
    Subscription subscription;  // of those not removed
    absl::Time registered = absl::InfinitePast();
    absl::Time failover_deadline = absl::InfiniteFuture();
  };
  uint64_t epoch = 0;
  // Not OK: nothing could be read, the rest is empty. Unimplemented: a later version is needed.
  absl::Status status;
  std::vector<AgentEntry> agents;
  std::vector<FrameworkEntry> frameworks;
  std::vector<RoleConfigRef> roles;
  MaintenanceRef maintenance;  // null: none
};

// FailedPrecondition and Aborted end the epoch, InvalidArgument is final, others are tried again.
struct RegistryWritten {
  uint64_t token = 0;
  absl::Status status;
  // For an admission: the id that the registry already had for its registration key.
  AgentId existing_agent;
};

// ---- From operators and the process ----

struct OperatorTeardown {
  uint64_t call = 0;
  std::string request_id;
  FrameworkId framework_id;
};

struct OperatorKillTask {
  uint64_t call = 0;
  std::string request_id;
  FrameworkId framework_id;  // empty: the task id alone must be unique
  TaskId task_id;
  std::shared_ptr<const v1::KillPolicy> kill_policy;
};

// What is to be done about an agent (agent_orders.h).
struct OperatorAgentOrder {
  enum class Kind { kDeactivate, kReactivate, kDrain, kMarkGone };
  uint64_t call = 0;
  std::string request_id;
  AgentId agent_id;
  Kind kind = Kind::kDeactivate;
  std::optional<absl::Duration> max_grace = std::nullopt;  // kDrain; not negative
  bool mark_gone = false;                                  // kDrain
  // kDrain: for how long frameworks may put it off; not negative.
  absl::Duration max_delay = absl::ZeroDuration();
};

// Reserves, or makes volumes, and back.
struct OperatorOperation {
  uint64_t call = 0;
  std::string request_id;
  AgentId agent_id;
  ResourceOperation operation;
};

// Sets something of roles, all or none.
struct OperatorUpdateRoles {
  uint64_t call = 0;
  std::string request_id;
  std::vector<RoleChange> changes;  // not empty, each role once
  bool force = false;
};

// Plans maintenance, or brings machines down or up; all or nothing.
struct OperatorMaintenance {
  enum class Kind { kSchedule, kStart, kStop };
  uint64_t call = 0;
  std::string request_id = {};
  Kind kind = Kind::kSchedule;
  MaintenancePlan::Windows windows = {};  // kSchedule: replaces the present; each machine once
  std::vector<MachineId> machines = {};   // kStart and kStop: not empty, each once
};

// Which agents may be offered from now on; holds in every state of leadership.
struct SetWhitelist {
  WhitelistRef hostnames;
};

// The process is asked to end.
struct Stop {};

using Input =
    std::variant<runtime::Tick, Subscribe, SchedulerCall, SchedulerStreamClosed, AgentRegister,
                 AgentReregister, AgentHeartbeat, AgentStatusUpdate, AgentExecutorExited,
                 AgentExecutorMessage, AgentTotalChanged, AgentEndedTasks, AgentOperationUpdate,
                 AgentUnregister, AgentStreamClosed, AllocatorConnected, AllocatorProposals,
                 AllocatorPreemptions, AllocatorInverseOffers, AllocatorNeedsSnapshot,
                 AllocatorClosed, LeaseAnswer, RegistrySnapshot, RegistryWritten, OperatorTeardown,
                 OperatorKillTask, OperatorAgentOrder, OperatorOperation, OperatorUpdateRoles,
                 OperatorMaintenance, SetWhitelist, Stop>;

}  // namespace meros::master
