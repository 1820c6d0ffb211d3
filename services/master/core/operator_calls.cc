#include "services/master/core/operator_calls.h"

#include "absl/strings/str_cat.h"
#include "services/master/core/framework_removal.h"
#include "services/master/core/scheduler_calls.h"

namespace meros::master {
namespace {

// The one task of this id among all frameworks, or in the named one.
absl::StatusOr<const Task*> FindTask(Transaction* tx, const FrameworkId& framework_id,
                                     const TaskId& task_id) {
  const Task* found = nullptr;
  for (const auto& [sequence, framework] : tx->books().frameworks.all()) {
    if (!framework_id.empty() && framework->record.id != framework_id) continue;
    const Task* task = framework->FindTask(task_id);
    if (task == nullptr) continue;
    if (found != nullptr) {
      return absl::FailedPreconditionError(
          absl::StrCat("several frameworks have a task ", task_id.value(), ": name the framework"));
    }
    found = task;
  }
  if (found == nullptr) {
    return absl::NotFoundError(absl::StrCat("no task ", task_id.value(), " that has not ended"));
  }
  return found;
}

}  // namespace

void HandleOperatorTeardown(Transaction* tx, const OperatorTeardown& call) {
  RequestLog& requests = tx->books().operator_requests;
  if (const absl::Status* first = requests.Find(call.request_id, tx->now())) {
    tx->Add(Count::kRepeatedRequests);
    return tx->Answer(call.call, *first);
  }
  Framework* framework = tx->books().frameworks.Find(call.framework_id);
  if (framework == nullptr) {
    return tx->Answer(
        call.call, absl::NotFoundError(absl::StrCat("no framework ", call.framework_id.value())));
  }
  BeginRemoval(tx, framework, {call.call, call.request_id});
}

absl::Status HandleOperatorKill(Transaction* tx, const OperatorKillTask& call) {
  absl::StatusOr<const Task*> task = FindTask(tx, call.framework_id, call.task_id);
  if (!task.ok()) return task.status();
  KillKnownTask(tx, **task, call.kill_policy);
  return absl::OkStatus();
}

}  // namespace meros::master
