// What readers see of the cluster: a replica of the core's books made of immutable records, kept on
// a thread of its own (shell/read_replica.h), so that no listing ever waits for, or delays, the
// master.
//
// Thread rule: thread-compatible.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <tuple>
#include <variant>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/node_hash_map.h"
#include "libs/resources/resources.h"
#include "services/master/core/effects.h"

namespace meros::master {

struct AgentEntry {
  std::shared_ptr<const AgentRecord> record;
  resources::Resources used;
  resources::Resources offered;
  size_t tasks_active = 0;
  size_t tasks_unacknowledged = 0;  // ended
};

struct FrameworkEntry {
  std::shared_ptr<const FrameworkRecord> record;
  absl::btree_map<std::string, RoleUsage> usage;
  std::shared_ptr<const FrameworkCounts> counts;  // null until there are any
  // Of those that are active; states that no task is in may be absent.
  absl::btree_map<v1::TaskState, size_t> active_by_state;
  size_t tasks_active = 0;
  size_t tasks_completed = 0;
};

struct TaskEntry {
  Task task;
  bool completed = false;  // ended and acknowledged

  bool is_active() const;
  bool is_unacknowledged() const;  // ended, but not completed
};

// What listings are ordered by. A task id may be used again by its framework after it ended, hence
// the sequence.
using TaskKey = std::tuple<FrameworkId, TaskId, uint64_t>;

// The same order, of entries that hold no key of their own.
struct TaskOrder {
  using is_transparent = void;
  using Ref = std::tuple<const FrameworkId&, const TaskId&, uint64_t>;

  static Ref KeyOf(const TaskEntry* entry) {
    return {entry->task.framework_id(), entry->task.id(), entry->task.sequence()};
  }
  static Ref KeyOf(const TaskKey& key) {
    return {std::get<0>(key), std::get<1>(key), std::get<2>(key)};
  }
  // Each id is compared once, and a framework that two tasks share not at all.
  template <typename A, typename B>
  bool operator()(const A& a, const B& b) const {
    const auto& [framework_a, task_a, sequence_a] = KeyOf(a);
    const auto& [framework_b, task_b, sequence_b] = KeyOf(b);
    if (&framework_a != &framework_b) {
      if (int order = framework_a.value().compare(framework_b.value())) return order < 0;
    }
    if (int order = task_a.value().compare(task_b.value())) return order < 0;
    return sequence_a < sequence_b;
  }
};

// What executors are listed by.
using ExecutorKey = std::tuple<AgentId, FrameworkId, ExecutorId>;

// An offer that its framework has not answered.
using OpenOffer = std::variant<OfferRef, InverseOfferRef>;

// What was there before a change of a framework, or of a task or an operation that is removed.
struct Replaced {
  std::shared_ptr<const FrameworkRecord> framework;  // null if none
  Shared<TaskFacts> task;                            // holds nothing if none
  std::shared_ptr<const Operation> operation;        // null if none
};

class ClusterView {
 public:
  using Tasks = absl::btree_set<const TaskEntry*, TaskOrder>;

  // Changes come in the order of their revisions.
  Replaced Apply(const Publish& publish);

  uint64_t revision() const { return revision_; }
  const LeadershipRecord& leadership() const { return leadership_; }

  // Ordered by id.
  const absl::btree_map<AgentId, AgentEntry>& agents() const { return agents_; }
  const absl::btree_map<FrameworkId, FrameworkEntry>& frameworks() const { return frameworks_; }
  const Tasks& tasks() const { return tasks_; }
  // Those that are not done with, by sequence.
  const absl::btree_map<uint64_t, std::shared_ptr<const Operation>>& operations() const {
    return operations_;
  }
  const absl::btree_map<ExecutorKey, std::shared_ptr<const v1::ExecutorInfo>>& executors() const {
    return executors_;
  }
  // In the order in which they were made, by sequence.
  const absl::btree_map<uint64_t, OpenOffer>& offers() const { return offers_; }
  // Of all frameworks and agents. Never null.
  const std::shared_ptr<const ClusterCounts>& counts() const { return counts_; }
  // What is set of roles, by name.
  const absl::btree_map<std::string, RoleConfigRef>& roles() const { return roles_; }

  // Never null.
  const MaintenanceRef& maintenance() const { return maintenance_; }

  // How many of tasks() are in each state; states that no task is in may be absent.
  const absl::btree_map<v1::TaskState, size_t>& tasks_by_state() const { return tasks_by_state_; }

  // Null if unknown.
  const AgentEntry* FindAgent(const AgentId& id) const;
  std::shared_ptr<const AgentRecord> FindAgentRecord(const AgentId& id) const;  // O(1)
  const FrameworkEntry* FindFramework(const FrameworkId& id) const;
  // The newest task of this id.
  const TaskEntry* FindTask(const FrameworkId& framework_id, const TaskId& task_id) const;

 private:
  Replaced ReplacedBy(const Publish::Change& change) const;
  void On(const std::shared_ptr<const AgentRecord>& record);
  void On(const std::shared_ptr<const AgentUsage>& usage);
  void On(const AgentRemoved& removed);
  void On(const std::shared_ptr<const FrameworkRecord>& record);
  void On(const FrameworkUsage& usage);
  void On(const FrameworkRemoved& removed);
  void On(const TaskChanged& changed);
  void On(const TaskRemoved& removed);
  void On(const std::shared_ptr<const Operation>& operation) {
    operations_[operation->sequence] = operation;
  }
  void On(const OperationRemoved& removed) { operations_.erase(removed.sequence); }
  void On(const OfferRef& offer) { offers_.emplace(offer->sequence, offer); }
  void On(const InverseOfferRef& offer) { offers_.emplace(offer->sequence, offer); }
  void On(const OfferEnded& ended) { offers_.erase(ended.sequence); }
  void On(const ExecutorAdded& added) {
    executors_[{added.agent_id, added.framework_id, added.id}] = added.info;
  }
  void On(const ExecutorRemoved& removed) {
    executors_.erase({removed.agent_id, removed.framework_id, removed.id});
  }
  void On(const CountsChanged& changed) { counts_ = changed.counts; }
  void On(const RoleChanged& changed);
  void On(const LeadershipRecord& leadership) { leadership_ = leadership; }
  void On(const MaintenanceChanged& changed) { maintenance_ = changed.plan; }
  void On(const Cleared&);
  // Moves a task from the counts that it was part of to those that it is part of; either may be
  // null.
  void Recount(const TaskEntry* was, const TaskEntry* is);
  void RecountActive(const TaskEntry* was, const TaskEntry* is);

  uint64_t revision_ = 0;
  LeadershipRecord leadership_;
  absl::btree_map<AgentId, AgentEntry> agents_;
  // Those of agents_: a page of tasks looks up thousands.
  absl::flat_hash_map<AgentId, std::shared_ptr<const AgentRecord>> agent_records_;  // lookup only
  absl::btree_map<FrameworkId, FrameworkEntry> frameworks_;
  // By sequence: most changes are of tasks that are known, and need no search in tasks_.
  absl::node_hash_map<uint64_t, TaskEntry> entries_;  // lookup only
  Tasks tasks_;                                       // all of entries_
  absl::btree_map<uint64_t, std::shared_ptr<const Operation>> operations_;
  absl::btree_map<ExecutorKey, std::shared_ptr<const v1::ExecutorInfo>> executors_;
  absl::btree_map<uint64_t, OpenOffer> offers_;
  std::shared_ptr<const ClusterCounts> counts_ = std::make_shared<const ClusterCounts>();
  absl::btree_map<std::string, RoleConfigRef> roles_;
  absl::btree_map<v1::TaskState, size_t> tasks_by_state_;
  MaintenanceRef maintenance_ = std::make_shared<const MaintenancePlan>();
};

}  // namespace meros::master
