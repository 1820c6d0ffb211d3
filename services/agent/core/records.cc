#include "services/agent/core/records.h"

#include "absl/container/btree_map.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "libs/tasks/task_state.h"

namespace meros::agent {
namespace {

namespace records = agent_records::v1;

using Problems = std::vector<std::pair<std::string, std::string>>;

records::TaskPhase ToRecord(TaskPhase phase) {
  switch (phase) {
    case TaskPhase::kPreparing:
      return records::TASK_PHASE_UNSPECIFIED;
    case TaskPhase::kLaunching:
      return records::TASK_PHASE_LAUNCHING;
    case TaskPhase::kRunning:
      return records::TASK_PHASE_RUNNING;
    case TaskPhase::kStopping:
      return records::TASK_PHASE_STOPPING;
    case TaskPhase::kEnded:
      return records::TASK_PHASE_ENDED;
  }
  return records::TASK_PHASE_UNSPECIFIED;
}

std::optional<TaskPhase> FromRecord(records::TaskPhase phase) {
  switch (phase) {
    case records::TASK_PHASE_LAUNCHING:
      return TaskPhase::kLaunching;
    case records::TASK_PHASE_RUNNING:
      return TaskPhase::kRunning;
    case records::TASK_PHASE_STOPPING:
      return TaskPhase::kStopping;
    case records::TASK_PHASE_ENDED:
      return TaskPhase::kEnded;
    default:
      return std::nullopt;
  }
}

// "KIND/FRAMEWORK/TASK"; ids hold no slash (libs/base/ids.h).
std::optional<TaskKey> ParseTaskKey(absl::string_view key) {
  const std::vector<std::string> parts = absl::StrSplit(key, '/');
  if (parts.size() != 3) return std::nullopt;
  return TaskKey{FrameworkId(parts[1]), TaskId(parts[2])};
}

void DecodeFramework(const std::string& key, const std::string& value, RecoveredState* state) {
  records::FrameworkRecord record;
  if (!record.ParseFromString(value)) {
    state->problems.emplace_back(key, "the framework record cannot be read");
    return;
  }
  const FrameworkId id(absl::StripPrefix(key, "framework/"));
  Framework& framework = state->book.PutFramework(id, record.info());
  framework.is_shutting_down = record.shutting_down();
  framework.is_recorded = true;
}

// Fills what the progress record says. False when it makes no sense.
bool ApplyProgress(const records::TaskProgressRecord& progress, Task* task) {
  const std::optional<TaskPhase> phase = FromRecord(progress.phase());
  if (!phase.has_value()) return false;
  task->phase = *phase;
  task->latest = progress.latest();
  for (const v1::TaskStatus& status : progress.unacknowledged()) task->updates.Push(status);
  task->started_at_ns = progress.started_at_ns();
  task->pid = progress.pid();
  task->stop_cause = progress.stop_cause();
  task->grace = absl::Milliseconds(static_cast<int64_t>(progress.grace_ms()));
  task->preempted_for = progress.preempted_for();
  return task->has_ended() == tasks::IsTerminal(task->latest.state()) &&
         (!task->has_ended() || !task->updates.empty());
}

void DecodeTask(const std::string& key, const std::string& value,
                const absl::btree_map<std::string, std::string>& progress_by_task,
                RecoveredState* state) {
  const std::optional<TaskKey> task_key = ParseTaskKey(key);
  records::TaskRecord record;
  if (!task_key.has_value() || !record.ParseFromString(value)) {
    state->problems.emplace_back(key, "the task record cannot be read");
    return;
  }
  auto found = progress_by_task.find(ProgressKey(*task_key));
  records::TaskProgressRecord progress;
  if (found == progress_by_task.end() || !progress.ParseFromString(found->second)) {
    state->problems.emplace_back(key, "the task's progress record is missing or cannot be read");
    return;
  }
  Task task;
  task.key = *task_key;
  task.info = record.info();
  task.container = ContainerId(record.container_id());
  task.sandbox = record.sandbox_directory();
  task.is_recorded = true;
  if (state->book.FindFramework(task_key->framework) == nullptr) {
    state->problems.emplace_back(key, "the task's framework record is missing");
    return;
  }
  if (!ApplyProgress(progress, &task) ||
      (!task.container.empty() && state->book.FindByContainer(task.container) != nullptr)) {
    state->problems.emplace_back(key, "the task's records contradict each other");
    return;
  }
  state->book.Add(std::move(task));
}

void DecodeOperation(const std::string& key, const std::string& value, RecoveredState* state) {
  records::OperationRecord record;
  if (!record.ParseFromString(value) || OperationKey(record.operation_uuid()) != key) {
    state->problems.emplace_back(key, "the operation record cannot be read");
    return;
  }
  OpenOperation operation;
  operation.uuid = record.operation_uuid();
  operation.framework_id = record.framework_id();
  operation.sequence = record.sequence();
  operation.info.Swap(record.mutable_operation());
  operation.status.Swap(record.mutable_status());
  state->operations.emplace(record.operation_uuid(), std::move(operation));
}

void DecodeEnded(const std::string& key, const std::string& value, RecoveredState* state) {
  std::optional<TaskKey> task_key = ParseTaskKey(key);
  records::EndedTaskRecord record;
  if (!task_key.has_value() || !record.ParseFromString(value)) {
    state->problems.emplace_back(key, "the record of an ended task cannot be read");
    return;
  }
  state->ended.emplace_back(*std::move(task_key), std::move(record));
}

}  // namespace

std::string OperationKey(const std::string& uuid) {
  return absl::StrCat("operation/", absl::BytesToHexString(uuid));
}

std::string EncodeOperation(const OpenOperation& operation) {
  records::OperationRecord record;
  record.set_framework_id(operation.framework_id);
  *record.mutable_operation() = operation.info;
  record.set_operation_uuid(operation.uuid);
  *record.mutable_status() = operation.status;
  record.set_sequence(operation.sequence);
  return record.SerializeAsString();
}

std::string FrameworkKey(const FrameworkId& id) { return absl::StrCat("framework/", id.value()); }

std::string TaskRecordKey(const TaskKey& key) {
  return absl::StrCat("task/", key.framework.value(), "/", key.task.value());
}

std::string ProgressKey(const TaskKey& key) {
  return absl::StrCat("progress/", key.framework.value(), "/", key.task.value());
}

std::string EndedTaskKey(const TaskKey& key) {
  return absl::StrCat("ended/", key.framework.value(), "/", key.task.value());
}

std::string EncodeEndedTask(const v1::Task& task, uint64_t sequence) {
  records::EndedTaskRecord record;
  *record.mutable_task() = task;
  record.set_sequence(sequence);
  return record.SerializeAsString();
}

std::string EncodeFramework(const Framework& framework) {
  records::FrameworkRecord record;
  *record.mutable_info() = framework.info;
  record.set_shutting_down(framework.is_shutting_down);
  return record.SerializeAsString();
}

std::string EncodeTask(const Task& task) {
  records::TaskRecord record;
  *record.mutable_info() = *task.info;
  record.set_container_id(task.container.value());
  record.set_sandbox_directory(task.sandbox);
  return record.SerializeAsString();
}

std::string EncodeProgress(const Task& task) {
  records::TaskProgressRecord record;
  record.set_phase(ToRecord(task.phase));
  for (const v1::TaskStatus& status : task.updates.pending()) {
    *record.add_unacknowledged() = status;
  }
  *record.mutable_latest() = task.latest;
  record.set_started_at_ns(task.started_at_ns);
  record.set_pid(task.pid);
  record.set_stop_cause(task.stop_cause);
  record.set_preempted_for(task.preempted_for);
  record.set_grace_ms(static_cast<uint64_t>(absl::ToInt64Milliseconds(task.grace)));
  return record.SerializeAsString();
}

RecoveredState Decode(const std::vector<std::pair<std::string, std::string>>& records) {
  RecoveredState state;
  absl::btree_map<std::string, std::string> progress_by_task;
  for (const auto& [key, value] : records) {
    if (key == kNodeKey) {
      state.is_node_readable = state.node.ParseFromString(value);
    } else if (key == kReservationsKey) {
      state.are_reservations_readable = state.reservations.ParseFromString(value);
    } else if (absl::StartsWith(key, "operation/")) {
      DecodeOperation(key, value, &state);
    } else if (absl::StartsWith(key, "framework/")) {
      DecodeFramework(key, value, &state);
    } else if (absl::StartsWith(key, "ended/")) {
      DecodeEnded(key, value, &state);
    } else if (absl::StartsWith(key, "progress/")) {
      progress_by_task.emplace(key, value);
    } else if (!absl::StartsWith(key, "task/")) {
      state.problems.emplace_back(key, "the record is of an unknown kind");
    }
  }
  // Tasks last: they need the frameworks, and their progress.
  for (const auto& [key, value] : records) {
    if (absl::StartsWith(key, "task/")) DecodeTask(key, value, progress_by_task, &state);
  }
  return state;
}

}  // namespace meros::agent
