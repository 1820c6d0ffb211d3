#include <optional>
#include <utility>

#include "libs/tasks/task_state.h"
#include "services/master/core/scheduler_calls.h"
#include "services/master/core/task_state.h"

namespace meros::master {
namespace {

using Status = v1::TaskStatus;

void SetUnreachableTime(const Agent& agent, v1::TaskStatus* status) {
  status->mutable_unreachable_time()->set_nanoseconds(
      absl::ToUnixNanos(agent.record.unreachable_since));
}

// A task in the books: its state as last shown to the framework. Null while its agent is about to
// say that it has ended.
std::shared_ptr<v1::TaskStatus> KnownStatus(Transaction* tx, const Framework& framework,
                                            const Task& task) {
  const v1::TaskState shown = task.forwarded_state.value_or(task.state);
  if (task.end_is_due && tasks::IsTerminal(shown)) return nullptr;
  auto status =
      tx->MakeStatus(task.id(), task.agent_id(), VisibleState(shown, framework.partition_aware()),
                     Status::REASON_RECONCILIATION, "");
  if (!task.executor_id().empty()) {
    status->mutable_executor_id()->set_value(task.executor_id().value());
  }
  if (std::optional<v1::TaskStatus> last = task.statuses.Newest()) {
    if (last->has_healthy()) status->set_healthy(last->healthy());
    if (last->has_check_status())
      status->mutable_check_status()->Swap(last->mutable_check_status());
    if (last->has_container_status()) {
      status->mutable_container_status()->Swap(last->mutable_container_status());
    }
  }
  return status;
}

}  // namespace

std::shared_ptr<v1::TaskStatus> ReconciledStatus(Transaction* tx, const Framework& framework,
                                                 const TaskId& task_id, const AgentId& agent_id) {
  const Task* known = framework.FindTask(task_id);
  if (known != nullptr) return KnownStatus(tx, framework, *known);

  AgentId where = agent_id;
  auto aside = framework.unreachable_by_id.find(task_id);
  if (where.empty() && aside != framework.unreachable_by_id.end())
    where = aside->second->agent_id();
  const Agent* agent = where.empty() ? nullptr : tx->books().agents.Find(where);

  auto answer = [&](v1::TaskState state) {
    return tx->MakeStatus(task_id, where, VisibleState(state, framework.partition_aware()),
                          Status::REASON_RECONCILIATION, "");
  };
  if (where.empty()) {
    // One of the agents that have not come back yet may run it.
    if (tx->books().agents.recovering() > 0) return nullptr;
    return answer(v1::TASK_UNKNOWN);
  }
  if (agent == nullptr) return answer(v1::TASK_UNKNOWN);
  switch (agent->record.state) {
    case AgentState::kAdmitting:
    case AgentState::kRecovered:
    case AgentState::kMarkingUnreachable:
    case AgentState::kReadmitting:
      return nullptr;  // the answer is on its way, or depends on what the registry says
    case AgentState::kRegistered:
    case AgentState::kDisconnected:
    case AgentState::kRemoving:
      return answer(v1::TASK_GONE);
    case AgentState::kUnreachable: {
      auto status = answer(v1::TASK_UNREACHABLE);
      SetUnreachableTime(*agent, status.get());
      return status;
    }
    case AgentState::kGone:
      return answer(v1::TASK_GONE_BY_OPERATOR);
  }
  return nullptr;
}

absl::Status HandleReconcile(Transaction* tx, Framework* framework, const ReconcileCall& call) {
  const auto answer = [&](std::shared_ptr<v1::TaskStatus> status) {
    if (status != nullptr) tx->Tell(*framework, UpdateEvent{std::move(status)});
  };
  if (call.tasks.empty()) {
    for (const auto& [sequence, task] : framework->tasks) {
      answer(KnownStatus(tx, *framework, *task));
    }
    return absl::OkStatus();
  }
  for (const ReconcileCall::Query& query : call.tasks) {
    answer(ReconciledStatus(tx, *framework, query.task_id, query.agent_id));
  }
  return absl::OkStatus();
}

}  // namespace meros::master
