// A task, from its launch until its framework has acknowledged its end.
//
// A master keeps up to millions of them, so what it keeps of one is small and said once: what never
// changes is TaskFacts, which the core's books, the histories and the readers' view share, and its
// parts are shared by tasks that have them in common; statuses are packed. A copy of a Task is 56
// bytes, and is what readers get.
//
// Owned by TaskBook; changed only by transaction.h. Thread rule: strand-confined; facts, statuses
// and published copies are immutable.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "libs/base/ids.h"
#include "libs/base/shared.h"
#include "libs/resources/resources.h"
#include "meros/v1/task.pb.h"
#include "services/master/core/task_statuses.h"

namespace meros::master {

// What readers are shown of a task's launch besides its name: a v1::TaskInfo, packed, with those of
// labels, discovery, container, health_check, kill_policy, limits and command.user that it has.
// Empty if it has none.
std::string DescribeTask(const v1::TaskInfo& info);
// The same of what its agent still knows of it.
std::string DescribeTask(const v1::Task& report);

// What never changes about a task.
struct TaskFacts {
  // Order of entry into the books; unique per master process and what iteration goes by.
  uint64_t sequence = 0;
  TaskId id;
  Shared<FrameworkId> framework_id;
  Shared<AgentId> agent_id;
  Shared<ExecutorId> executor_id;          // empty for command tasks
  Shared<std::string> role;                // that the resources are charged to
  Shared<resources::Resources> resources;  // without allocation
  Shared<std::string> name;
  Shared<std::string> description;  // as DescribeTask
  absl::Time entered;               // into the books of this master
};

// The uuid of a status update: 16 bytes, or none.
class UpdateUuid {
 public:
  UpdateUuid() = default;
  // What is longer than 16 bytes is none.
  explicit UpdateUuid(absl::string_view bytes)
      : size_(bytes.size() > sizeof(bytes_) ? 0 : static_cast<uint8_t>(bytes.size())) {
    bytes.copy(bytes_, size_);
  }

  absl::string_view bytes() const { return {bytes_, size_}; }

 private:
  char bytes_[16];
  uint8_t size_ = 0;
};

struct Task {
  explicit Task(Shared<TaskFacts> all_facts) : facts(std::move(all_facts)) {}

  uint64_t sequence() const { return facts->sequence; }
  const TaskId& id() const { return facts->id; }
  const FrameworkId& framework_id() const { return *facts->framework_id; }
  const AgentId& agent_id() const { return *facts->agent_id; }
  const ExecutorId& executor_id() const { return *facts->executor_id; }
  const std::string& role() const { return *facts->role; }
  const resources::Resources& resources() const { return *facts->resources; }

  Shared<TaskFacts> facts;
  // Those that it has been in, without what `facts` say and without `data`.
  TaskStatuses statuses;
  // The newest state known, which may be ahead of what the framework has seen.
  v1::TaskState state = v1::TASK_STAGING;
  // The update last forwarded to the framework; state without uuid for those of the master.
  std::optional<v1::TaskState> forwarded_state;
  UpdateUuid forwarded_uuid;
  // Whether `resources` are counted as used on the agent: until the first terminal state.
  bool holds_resources = false;
  // It has ended, and the framework as it is subscribed now was not sent the update that says so:
  // its agent is about to send it. Reconciliation leaves that to it, else the end is told twice.
  bool end_is_due = false;
};

}  // namespace meros::master
