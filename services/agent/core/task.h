// One task on this agent: what was asked for, how far it is, and the updates its framework has
// still to acknowledge. A command task runs in a container of its own; there is no executor
// process.
//
//        1               2              3             4             5            6
//   ───────▶ kPreparing ───▶ kLaunching ───▶ kRunning ───▶ kStopping ───▶ kEnded ───▶ (forgotten)
//
//   1  accepted: its sandbox is being made; nothing is recorded, so a crash now means it never was
//   2  sandbox there: recorded, then the launch is sent
//   3  the containerizer reported the command running
//   4  asked to end, politely first (also from kLaunching)
//   5  its container has ended, or it will never have one (also from all before)
//   6  its last update is acknowledged
//
// Some tasks are known by their updates alone: those a master asked about and the agent never had.
// They have no TaskInfo, are not recorded (the master will ask again) and not reported as tasks.
//
// Owner: TaskBook. Thread rule: thread-compatible.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/base/ids.h"
#include "meros/agent_records/v1/agent_records.pb.h"
#include "meros/v1/framework.pb.h"
#include "meros/v1/task.pb.h"
#include "services/agent/core/inputs.h"
#include "services/agent/core/update_stream.h"

namespace meros::agent {

using agent_records::v1::StopCause;

// Task ids are unique per framework only.
struct TaskKey {
  FrameworkId framework;
  TaskId task;

  friend bool operator==(const TaskKey&, const TaskKey&) = default;
  friend bool operator<(const TaskKey& a, const TaskKey& b) {
    return std::tie(a.framework, a.task) < std::tie(b.framework, b.task);
  }
};

enum class TaskPhase { kPreparing, kLaunching, kRunning, kStopping, kEnded };

struct TaskTransition {
  TaskPhase from;
  TaskPhase to;
};

// Every legal transition; what is not listed is a bug.
absl::Span<const TaskTransition> TaskTransitions();
bool IsLegal(TaskPhase from, TaskPhase to);
absl::string_view Name(TaskPhase phase);

struct Task {
  TaskKey key;
  TaskPhase phase = TaskPhase::kPreparing;
  std::optional<v1::TaskInfo> info;  // absent for tasks known by their updates alone
  ContainerId container;             // empty for tasks that were refused
  std::string sandbox;               // absolute path; empty together with `container`

  // What a launch needs; absent after a restart, when nothing is launched again.
  std::optional<TaskResources> resources;

  UpdateStream updates;
  v1::TaskStatus latest;  // the newest update; state TASK_STAGING before the first
  int64_t started_at_ns = 0;
  uint32_t pid = 0;
  StopCause stop_cause = StopCause::STOP_CAUSE_UNSPECIFIED;
  std::string preempted_for;  // role, with STOP_CAUSE_PREEMPTION
  absl::Duration grace;
  bool is_recorded = false;  // its TaskRecord is written

  bool has_ended() const { return phase == TaskPhase::kEnded; }
  // A container may exist for it.
  bool may_have_container() const {
    return phase != TaskPhase::kPreparing && phase != TaskPhase::kEnded;
  }
};

// What re-registration reports. REQUIRES: task.info is there.
v1::Task ReportOf(const Task& task, const AgentId& agent);

bool HasCapability(const v1::FrameworkInfo& framework, v1::FrameworkInfo::Capability::Type type);

}  // namespace meros::agent
