// A framework: a scheduler that subscribed, and what it holds.
//
//              (1)                  (2)                   (4)             (9)
//   ────▶ CONNECTED ───────────▶ DISCONNECTED ──────▶ REMOVING ──────▶ COMPLETED
//             ▲ ▲ └──── (3) ◀────────┘                 ▲   ▲ │
//             │ └ (5) fail-over to another stream      │   │ └──▶ (DIS)CONNECTED (10)
//             │                                    (8) │   └ CONNECTED (4)
//          (6)└───── RECOVERED ◀── agent or registry (7)
//
//   (1) SUBSCRIBE;  (2) the stream ended: offers are taken back and the fail-over deadline starts,
//   in the registry too;  (3), (6) SUBSCRIBE with its id;  (4), (8) the deadline passed, TEARDOWN,
//   or an operator's teardown: its tombstone is on its way to the registry (framework_removal.h);
//   (5) SUBSCRIBE while connected: the former stream gets ERROR "Framework failed over";  (7) known
//   from the registry or from an agent's tasks only;  (9) the tombstone is durable;  (10) the
//   registry refused it.
//
// Owned by FrameworkBook; changed only by transaction.h and the scheduler handlers.
// Thread rule: strand-confined; published copies of FrameworkRecord are immutable.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/base/ids.h"
#include "libs/resources/quantities.h"
#include "meros/v1/framework.pb.h"
#include "services/master/core/counts.h"
#include "services/master/core/request_log.h"
#include "services/master/core/task.h"

namespace meros::v1::scheduler {
class OfferConstraints;
}

namespace meros::master {

enum class FrameworkState { kConnected, kDisconnected, kRecovered, kRemoving, kCompleted };

absl::string_view FrameworkStateName(FrameworkState state);

struct FrameworkTransition {
  FrameworkState from;
  FrameworkState to;
};
// Every allowed change; a test compares it with the picture above.
absl::Span<const FrameworkTransition> FrameworkTransitions();
bool MayFollow(FrameworkState from, FrameworkState to);

// What a framework says about itself when it subscribes, checked and converted by the shell.
struct Subscription {
  // Its id member is set once the framework has one. Never null.
  std::shared_ptr<const v1::FrameworkInfo> info;
  std::vector<std::string> roles;             // sorted, distinct; may be empty: no offers
  std::vector<std::string> suppressed_roles;  // sorted, distinct, subset of roles
  // Smallest useful offers by role; any one of a role's quantities suffices.
  absl::btree_map<std::string, std::vector<resources::ResourceQuantities>> min_allocatable;
  // Which agents will do, by role; null: all. Validated; not recorded, so a framework that comes
  // back says it anew.
  std::shared_ptr<const v1::scheduler::OfferConstraints> offer_constraints;
  absl::Duration failover_timeout;
  bool partition_aware = false;
  bool multi_role = false;
  bool reservation_refinement = false;
  bool shared_resources = false;

  bool HasRole(absl::string_view role) const;
  bool IsSuppressed(absl::string_view role) const;
};

// What one role of a framework holds, over all agents.
struct RoleUsage {
  resources::ResourceQuantities used;
  resources::ResourceQuantities offered;

  bool empty() const { return used.empty() && offered.empty(); }
};

// What readers see of a framework.
struct FrameworkRecord {
  uint64_t sequence = 0;
  FrameworkId id;
  FrameworkState state = FrameworkState::kConnected;
  Subscription subscription;
  absl::Time registered = absl::InfinitePast();
  absl::Time reregistered = absl::InfinitePast();
  absl::Time unregistered = absl::InfinitePast();
  // When it is removed unless it comes back; InfiniteFuture while connected.
  absl::Time failover_deadline = absl::InfiniteFuture();

  const std::string& principal() const { return subscription.info->principal(); }
};

// By id, without a copy of the id.
struct TaskByIdHash {
  using is_transparent = void;
  size_t operator()(const TaskId& id) const { return absl::Hash<TaskId>()(id); }
  size_t operator()(const Task* task) const { return (*this)(task->id()); }
};
struct TaskByIdEqual {
  using is_transparent = void;
  bool operator()(const Task* a, const Task* b) const { return a->id() == b->id(); }
  bool operator()(const Task* a, const TaskId& b) const { return a->id() == b; }
};

// Who waits for the end of a framework.
struct RemovalWaiter {
  uint64_t call = 0;       // to be answered; 0: nobody
  std::string request_id;  // of an operator's call; may be empty
};

struct Framework {
  Framework(FrameworkRecord the_record, size_t max_request_ids)
      : record(std::move(the_record)), shared_id(record.id), requests(max_request_ids) {}

  // Of those that have not left the books; null if there is none.
  Task* FindTask(const TaskId& id) const {
    auto it = task_by_id.find(id);
    return it == task_by_id.end() ? nullptr : *it;
  }

  FrameworkRecord record;
  const Shared<FrameworkId> shared_id;                                 // what its tasks hold
  uint64_t stream = 0;  // 0 while not connected; one that is being removed may have one
  absl::flat_hash_set<Task*, TaskByIdHash, TaskByIdEqual> task_by_id;  // lookup only
  absl::btree_map<uint64_t, Task*> tasks;         // by sequence; owned by TaskBook
  absl::btree_set<uint64_t> offers;               // by sequence
  absl::btree_set<std::pair<AgentId, ExecutorId>> executors;  // in the books of their agents
  absl::btree_map<std::string, RoleUsage> usage;  // by role; roles that hold nothing are absent
  // Tasks of unreachable agents, oldest first, bounded by max_unreachable_tasks_per_framework.
  std::deque<std::shared_ptr<const Task>> unreachable;
  absl::flat_hash_map<TaskId, std::shared_ptr<const Task>> unreachable_by_id;  // lookup only
  // Ended and acknowledged tasks, oldest first, bounded by max_completed_tasks_per_framework.
  std::deque<Task> completed;
  // Since when it has held offers without answering any; InfiniteFuture while it owes no answer.
  absl::Time unanswered_since = absl::InfiniteFuture();
  RequestLog requests;
  const std::unique_ptr<Counting<FrameworkCounts>> counting =
      std::make_unique<Counting<FrameworkCounts>>();  // never null
  std::vector<RemovalWaiter> removal_waiters;  // while REMOVING

  bool is_connected() const { return record.state == FrameworkState::kConnected; }
  bool is_removing() const { return record.state == FrameworkState::kRemoving; }
  bool partition_aware() const { return record.subscription.partition_aware; }
};

}  // namespace meros::master
