// An agent and what the master holds against it.
//
//           (1)            (2)             (3)
//   ────▶ ADMITTING ──▶ REGISTERED ⇄ DISCONNECTED ──▶ MARKING_UNREACHABLE ──▶ UNREACHABLE
//                           ▲   ▲         (4)             ▲    (5)                │
//        (6) RECOVERED ─────┘   └──── READMITTING ◀───────│───────────────────────┘ (7)
//                 └───────────────────────────────────────┘ (8)
//   REGISTERED, DISCONNECTED ──▶ REMOVING ──▶ (out of the books)  (9)
//                                                           ──▶ GONE: never leaves  (10)
//
//   (1) Register without an id;  (2) the registry has the admission: Registered is sent;
//   (3) the session ended: no offers, tasks stand;  (4) Reregister;  silence for
//   agent_unreachable_timeout starts (5), whose effects show only when the registry has it;
//   (6) a new leader found it in the registry: questions about it go unanswered until it returns or
//   agent_reregister_timeout ends (8);  (7) it returns after all: durable first, too;
//   (9) it unregistered, or its machine goes down for maintenance (maintenance_changes.h);  (10)
//   from REGISTERED, DISCONNECTED, UNREACHABLE and RECOVERED: an operator declared it gone, or it
//   was drained in order to be (agent_orders.h).
//
// What operators want of an agent besides is in its orders; they stay with it through all of this.
//
// Owned by AgentBook; changed only by transaction.h and the agent handlers.
// Thread rule: strand-confined; published copies of AgentRecord are immutable.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/base/ids.h"
#include "libs/base/shared.h"
#include "libs/resources/resources.h"
#include "meros/v1/agent.pb.h"
#include "meros/v1/executor.pb.h"
#include "meros/v1/task.pb.h"
#include "services/master/core/agent_capabilities.h"
#include "services/master/core/maintenance.h"
#include "services/master/core/operation.h"
#include "services/master/core/task.h"

namespace meros::master {

struct AgentReregister;  // inputs.h

enum class AgentState {
  kAdmitting,
  kRegistered,
  kDisconnected,
  kMarkingUnreachable,
  kUnreachable,
  kRecovered,
  kReadmitting,
  kRemoving,
  kGone,
};
constexpr size_t kAgentStates = static_cast<size_t>(AgentState::kGone) + 1;

absl::string_view AgentStateName(AgentState state);

struct AgentTransition {
  AgentState from;
  AgentState to;
};
// Every allowed change; a test compares it with the picture above.
absl::Span<const AgentTransition> AgentTransitions();
bool MayFollow(AgentState from, AgentState to);

// What operators have ordered about an agent. Durable before it has an effect.
//
//            Drain              empty
//   kNone ──────────▶ kDraining ──────▶ kDrained (or the agent is gone, when that was ordered)
//     │ Drain with a       ▲ (1)           ▲
//     │ delay              │               │ empty
//     └─────────────────▶ kAsked ──────────┘
//
//   (1) all frameworks that hold something on the agent agree, or delay_until is over. Reactivate
//   leads from each to kNone; another Drain replaces the one before.
struct AgentOrders {
  enum class Drain { kNone, kAsked, kDraining, kDrained };
  bool deactivated = false;  // no offers; always so unless drain is kNone
  Drain drain = Drain::kNone;
  std::optional<absl::Duration> max_grace;        // of the drain; nullopt: each task's own
  bool mark_gone = false;                         // of the drain: gone when it is empty
  absl::Time delay_until = absl::InfinitePast();  // kAsked: when it begins at the latest
  // When the drain was ordered; InfinitePast without one, and where it was not recorded.
  absl::Time ordered = absl::InfinitePast();

  bool must_empty() const { return drain == Drain::kAsked || drain == Drain::kDraining; }
  friend bool operator==(const AgentOrders&, const AgentOrders&) = default;
};

// REQUIRES: orders.drain is not kNone.
v1::DrainInfo DrainInfoOf(const AgentOrders& orders);

// What a framework says to inverse offers for an agent.
struct InverseAnswer {
  enum class Kind { kNone, kAccepted, kDeclined };  // kNone: not yet
  Kind kind = Kind::kNone;
  absl::Time at;

  friend bool operator==(const InverseAnswer&, const InverseAnswer&) = default;
};

// What readers see of an agent.
struct AgentRecord {
  uint64_t sequence = 0;
  AgentId id;
  AgentState state = AgentState::kAdmitting;
  std::shared_ptr<const v1::AgentInfo> info;  // never null
  std::string registration_key;
  std::string version;
  AgentCapabilities capabilities;
  std::string service_address;  // host:port of its AgentService, or empty
  std::string ip;               // that it last connected from; empty if not known
  AgentOrders orders;           // in force
  resources::Resources total;
  resources::Resources used;     // by tasks that have not ended, executors, and what is ending
  resources::Resources offered;  // used + offered + free = total, but for what is shared
  absl::Time registered = absl::InfinitePast();
  absl::Time reregistered = absl::InfinitePast();
  absl::Time unreachable_since = absl::InfinitePast();
  std::optional<Unavailability> unavailability;  // planned: maintenance, or a drain that is delayed
  absl::btree_map<FrameworkId, InverseAnswer> answers;  // of those that were asked about it

  // A shared volume is always free: many may use it.
  resources::Resources Free() const;
  // Whether its resources may be offered.
  bool may_offer() const { return state == AgentState::kRegistered && !orders.deactivated; }
};

// Of each shared resource one share, however often it is held: what the agent must have to hold it.
resources::Resources WithSingleShares(const resources::Resources& held);

// When the agent goes away, whichever comes first: its machine, or a drain that may be delayed. A
// drain that has begun is under way and not planned.
std::optional<Unavailability> PlannedFor(const AgentRecord& record, const MaintenancePlan& plan);

// A custom executor that lives on an agent, or is about to.
struct Executor {
  FrameworkId framework_id;
  ExecutorId id;
  std::string role;
  resources::Resources resources;
  std::shared_ptr<const v1::ExecutorInfo> info;
};

// What an agent remembers of a framework's ended tasks.
struct EndedSummary {
  FrameworkId framework_id;
  size_t tasks = 0;
  absl::Time newest;  // when that one ended
};

struct Agent {
  using TaskKey = std::pair<FrameworkId, TaskId>;
  using ExecutorKey = std::pair<FrameworkId, ExecutorId>;

  explicit Agent(AgentRecord the_record) : record(std::move(the_record)), shared_id(record.id) {}

  AgentRecord record;
  const Shared<AgentId> shared_id;  // what its tasks hold
  uint64_t stream = 0;              // 0 while there is no session
  // Ahead of now while it was asked to be silent (agent_health.h).
  absl::Time last_seen = absl::InfinitePast();
  absl::Time watched_at = absl::InfiniteFuture();  // when the first AgentSilenceTimer fires
  absl::Time due = absl::InfiniteFuture();  // when it is lost; finite while it is in LateAgents
  std::string resource_version_uuid;

  absl::btree_map<uint64_t, Task*> tasks;  // by sequence; owned by TaskBook
  absl::btree_set<uint64_t> offers;        // by sequence
  absl::btree_map<ExecutorKey, Executor> executors;
  absl::btree_map<uint64_t, Operation*> operations;  // by sequence; owned by OperationBook
  // What it still runs of frameworks that were removed: they have left the books, but what they use
  // is in use until the agent says that it has stopped.
  struct EndingTask {
    v1::TaskState state = v1::TASK_STAGING;  // as the agent told it last
    resources::Resources resources;
  };
  absl::btree_map<TaskKey, EndingTask> ending;
  // Kills to repeat when the agent returns; dropped with the task.
  struct PendingKill {
    std::shared_ptr<const v1::KillPolicy> policy;  // may be null
    std::string preempted_for;                     // the role that is owed it; empty: none
  };
  absl::btree_map<TaskKey, PendingKill> pending_kills;
  // What of its history may be asked for; how many tasks it may still send; whether it has told all
  // that this master wants of it (agent_histories.h).
  std::vector<EndedSummary> ended;
  size_t ended_asked = 0;
  bool is_history_known = false;
  // The newest return that waits for a registry write.
  std::shared_ptr<AgentReregister> waiting;
  // The orders of the newest record on its way to the registry; as those in force when none is.
  AgentOrders planned;
  // The record that it is gone is on its way: nothing that comes later may be written over it.
  bool is_going = false;

  bool is_active() const { return record.state == AgentState::kRegistered; }
  // In the books with resources: its tasks stand and the allocator knows it.
  bool is_live() const {
    return record.state == AgentState::kRegistered || record.state == AgentState::kDisconnected ||
           record.state == AgentState::kMarkingUnreachable || record.state == AgentState::kRemoving;
  }
  bool may_offer() const { return record.may_offer(); }
  bool is_late() const { return due != absl::InfiniteFuture(); }
  // Nothing runs on it, and nothing is left that its frameworks have still to hear of.
  bool is_empty() const {
    return tasks.empty() && executors.empty() && operations.empty() && ending.empty();
  }
};

}  // namespace meros::master
