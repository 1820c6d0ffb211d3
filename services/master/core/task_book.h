// Owns the tasks that have not ended, or whose end is not acknowledged yet. Frameworks and agents
// point into it; transaction.h keeps the three together.
//
// Thread rule: strand-confined.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/container/btree_map.h"
#include "services/master/core/task.h"

namespace meros::master {

class TaskBook {
 public:
  using Map = absl::btree_map<uint64_t, std::unique_ptr<Task>>;

  // Takes the task and numbers it. The pointer stays good until Erase.
  Task* Insert(Task task);
  // REQUIRES: it is there.
  void Erase(uint64_t sequence);

  // In order of entry.
  const Map& all() const { return tasks_; }
  size_t size() const { return tasks_.size(); }

 private:
  Map tasks_;
  uint64_t next_sequence_ = 1;
};

}  // namespace meros::master
