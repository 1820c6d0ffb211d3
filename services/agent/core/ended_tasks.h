// The tasks that ended here and whose frameworks know it: kept for people, and for a new leader,
// which has no other way to show what ran before it led. The newest only, within bounds.
//
// Owner: AgentCore. Thread rule: thread-compatible.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/btree_map.h"
#include "meros/agent_link/v1/agent_link.pb.h"
#include "meros/agent_records/v1/agent_records.pb.h"
#include "services/agent/core/task.h"

namespace meros::agent {

class EndedTasks {
 public:
  // What all of them may take as records; the oldest make room.
  static constexpr size_t kBytesMax = 4 << 20;
  // Of a message that tells of them. A single task may be larger.
  static constexpr size_t kPageBytes = 256 << 10;

  struct Entry {
    TaskKey key;
    v1::Task task;
    size_t bytes = 0;
  };

  // Keeps `tasks_max`; none if it is 0.
  explicit EndedTasks(size_t tasks_max) : tasks_max_(tasks_max) {}

  // Takes in a task that just ended; one with the same key is replaced. Returns the keys of those
  // that made room, perhaps its own.
  std::vector<TaskKey> Add(TaskKey key, v1::Task task);
  // The same of what was recorded. A sequence that is taken, or none, is replaced.
  std::vector<TaskKey> Restore(TaskKey key, agent_records::v1::EndedTaskRecord record);
  // As it is recorded. Null if it is not there.
  const Entry* Find(const TaskKey& key) const;
  // REQUIRES: it is there.
  uint64_t SequenceOf(const TaskKey& key) const { return by_key_.at(key); }

  // What a master that has not led so far is told first.
  void Summarize(agent_link::v1::Register* out) const;
  // The answer, in parts; at least one, and `more` is set on all but the last. Cost: a pass over
  // all for each framework that is asked for.
  std::vector<agent_link::v1::EndedTasks> Answer(
      const agent_link::v1::SendEndedTasks& question) const;

  size_t size() const { return by_key_.size(); }
  std::vector<TaskKey> Keys() const;
  void CheckInvariants() const;

 private:
  std::vector<TaskKey> Insert(uint64_t sequence, TaskKey key, v1::Task task);
  void Erase(const TaskKey& key);

  const size_t tasks_max_;
  absl::btree_map<uint64_t, Entry> entries_;  // by sequence: oldest first
  absl::btree_map<TaskKey, uint64_t> by_key_;
  size_t bytes_ = 0;
  uint64_t last_sequence_ = 0;
};

}  // namespace meros::agent
