// The statuses that a task has had: one per run of a state, oldest first, hence no more than there
// are changes of state. They are packed, because a running task is kept for long and looked at
// rarely: a TaskStatus takes 500 bytes of the heap, packed it takes about 40.
//
// Left out is what the master knows better (ids of task, agent and executor) and what only the
// framework needs (`data`).
//
// Thread rule: value type, 16 bytes, thread-compatible; copies share what they hold.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "libs/base/shared.h"
#include "meros/v1/task.pb.h"

namespace meros::master {

class TaskStatuses {
 public:
  // Adds one, in place of the newest if that is of the same state. Cost: copies all.
  void Add(const v1::TaskStatus& status);

  bool empty() const { return packed_.holds_nothing(); }
  // Nullopt if there are none.
  std::optional<v1::TaskStatus> Newest() const;
  // A packed v1::Task with nothing but its `statuses`.
  const std::string& packed() const { return *packed_; }

 private:
  Shared<std::string> packed_;
  uint32_t newest_begins_ = 0;  // where in `packed_`
  v1::TaskState newest_state_ = v1::TASK_STAGING;
};

}  // namespace meros::master
