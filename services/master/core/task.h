// A task, from its launch until its framework has acknowledged its end.
//
// Owned by TaskBook; changed only by transaction.h. A copy of the struct is what readers get to
// see. Thread rule: strand-confined; published copies are immutable.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "libs/base/ids.h"
#include "libs/resources/resources.h"
#include "meros/v1/task.pb.h"

namespace meros::master {

// What readers are shown of a task's launch. A running task is kept for long and rarely looked at:
// packed, this takes a tenth of what the message takes on the heap.
struct TaskDescription {
  std::string name;
  std::string packed;  // of everything else; empty if there is nothing else

  // Without the name. Cost: parsing.
  v1::TaskInfo Unpack() const;
};
// `info` is the launch, or what the task's agent still knows of it.
std::shared_ptr<const TaskDescription> Describe(const v1::TaskInfo& info);

struct Task {
  // Order of entry into the books; unique per master process and what iteration goes by.
  uint64_t sequence = 0;
  TaskId id;
  FrameworkId framework_id;
  AgentId agent_id;
  ExecutorId executor_id;          // empty for command tasks
  std::string role;                // that the resources are charged to
  resources::Resources resources;  // without allocation

  // The newest state known, which may be ahead of what the framework has seen.
  v1::TaskState state = v1::TASK_STAGING;
  // Whether `resources` are counted as used on the agent: until the first terminal state.
  bool holds_resources = false;

  // The update last forwarded to the framework; state without uuid for those of the master.
  std::optional<v1::TaskState> forwarded_state;
  std::string forwarded_uuid;

  std::shared_ptr<const TaskDescription> description;  // never null
  // One status per state it has been in, oldest first, without `data`. Bounded by the number of
  // states.
  std::vector<std::shared_ptr<const v1::TaskStatus>> statuses;

  absl::Time entered;  // into the books of this master
};

}  // namespace meros::master
