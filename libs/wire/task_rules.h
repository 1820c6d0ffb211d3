// Which tasks may be launched, as far as the message alone can tell. The rules and their numbers
// are those of Mesos; the numbers missing here need the master's books and are its core's:
//
//   0 authorized   2 task id not in use   3 agent is the offer's   13 resources are in the offers
//   and of 9 whether the agent supports limits, of 11 whether a running executor is identical, of
//   14 whether the tasks that it runs have cgroups of their own, too.
//
// The first rule that fails, by number, is what a framework is told, so a verdict carries the
// number of the rule that failed here: a failing rule of the core with a lower number comes first.
//
// Thread rule: pure functions; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "libs/base/ids.h"
#include "libs/resources/resources.h"
#include "libs/wire/field_path.h"
#include "meros/v1/offer.pb.h"
#include "meros/v1/task.pb.h"

namespace meros::wire {

// The outcome for one task.
struct TaskVerdict {
  // OK, or why the task is refused, with the path of the field.
  absl::Status status;
  // The number of the rule that failed; 0 if none.
  int rule = 0;
  // What the task and its executor ask for, as they wrote it: the allocation role may be missing
  // and is then the offer's. Only set if status is OK.
  resources::Resources resources;
  resources::Resources executor_resources;
};

// Judges a task of LAUNCH. REQUIRES: CheckStructure has accepted the message.
TaskVerdict JudgeTask(const v1::TaskInfo& task, const FrameworkId& framework_id,
                      const FieldPath& path);

// The outcome for a group: all or nothing.
struct TaskGroupVerdict {
  absl::Status status;
  std::vector<resources::Resources> resources;  // In the order of the tasks.
  resources::Resources executor_resources;
};

// Judges a LAUNCH_GROUP. REQUIRES: CheckStructure has accepted the message.
TaskGroupVerdict JudgeTaskGroup(const v1::Offer::Operation::LaunchGroup& launch,
                                const FrameworkId& framework_id, const FieldPath& path);

// The least an executor of a group must have.
inline constexpr double kMinExecutorCpus = 0.01;
inline constexpr double kMinExecutorMemMib = 32;

}  // namespace meros::wire
