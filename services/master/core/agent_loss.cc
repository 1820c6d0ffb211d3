// What follows when the registry knows that an agent is unreachable or removed: its tasks, its
// offers, and the frameworks that must hear of it.
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/tasks/task_state.h"
#include "services/master/core/agent_health.h"
#include "services/master/core/agent_orders.h"
#include "services/master/core/agent_sessions.h"
#include "services/master/core/forgotten_agents.h"
#include "services/master/core/maintenance_changes.h"
#include "services/master/core/operations.h"
#include "services/master/core/task_state.h"

namespace meros::master {
namespace {

using Status = v1::TaskStatus;

void TellFailure(Transaction* tx, const AgentId& agent_id) {
  for (const auto& [sequence, framework] : tx->books().frameworks.all()) {
    tx->Tell(*framework, FailureEvent{agent_id, ExecutorId(), 0});
  }
}

void DropExecutors(Transaction* tx, Agent* agent) {
  while (!agent->executors.empty()) {
    const Agent::ExecutorKey key = agent->executors.begin()->first;
    tx->RemoveExecutor(agent, key);
  }
}

// What the tasks of a lost agent become.
struct Loss {
  v1::TaskState state;
  Status::Reason reason = Status::REASON_AGENT_REMOVED;
  std::string message = "the agent is away";
  absl::Time unreachable_since = absl::InfinitePast();
};

Loss GoneLoss() {
  return {.state = v1::TASK_GONE_BY_OPERATOR,
          .reason = Status::REASON_AGENT_REMOVED_BY_OPERATOR,
          .message = "an operator declared the agent gone"};
}

// The operator who takes a machine down says thereby that nothing of it runs on.
Loss MaintenanceLoss() {
  Loss loss = GoneLoss();
  loss.message = "maintenance of the agent's machine has started";
  return loss;
}

std::shared_ptr<v1::TaskStatus> StatusOf(Transaction* tx, const Task& task, v1::TaskState visible,
                                         const Loss& loss) {
  auto status = tx->MakeStatus(task.id(), task.agent_id(), visible, loss.reason, loss.message);
  if (loss.unreachable_since != absl::InfinitePast()) {
    status->mutable_unreachable_time()->set_nanoseconds(absl::ToUnixNanos(loss.unreachable_since));
  }
  return status;
}

// The agent was about to tell that the task has ended. One that may return tells it then: until it
// does, the task is unreachable as far as the framework knows, which so hears of its end once.
void TellDueEnd(Transaction* tx, const Framework& framework, const Task& task, const Loss& loss) {
  const bool may_return = loss.state == v1::TASK_UNREACHABLE;
  const v1::TaskState told = may_return ? loss.state : task.state;
  auto status = StatusOf(tx, task, VisibleState(told, framework.partition_aware()), loss);
  if (std::optional<v1::TaskStatus> last = task.statuses.Newest();
      last && last->state() == status->state()) {
    status->clear_message();
    // Which does not say whose it is. Its uuid stays: a former leader may have told it already.
    status->MergeFrom(*last);
  }
  tx->Tell(framework, UpdateEvent{status});
}

void LoseTask(Transaction* tx, Task* task, const Loss& loss) {
  Framework* framework = tx->books().frameworks.Find(task->framework_id());
  if (tasks::IsTerminal(task->state)) {
    if (task->end_is_due) TellDueEnd(tx, *framework, *task, loss);
    return tx->CompleteTask(task);
  }
  const v1::TaskState visible = VisibleState(loss.state, framework->partition_aware());
  auto status = StatusOf(tx, *task, visible, loss);
  tx->Tell(*framework, UpdateEvent{status});
  tx->SetTaskState(task, visible, status.get());
  if (loss.state == v1::TASK_UNREACHABLE) {
    tx->SetAsideUnreachable(task);
  } else {
    tx->CompleteTask(task);
  }
}

void LoseTasks(Transaction* tx, Agent* agent, const Loss& loss) {
  while (!agent->tasks.empty()) LoseTask(tx, agent->tasks.begin()->second, loss);
  DropExecutors(tx, agent);
}

// Tasks that were unreachable with their agent, which will not return.
void EndUnreachableTasks(Transaction* tx, const AgentId& agent_id, const Loss& loss) {
  for (const auto& [sequence, framework] : tx->books().frameworks.all()) {
    const auto aside = framework->unreachable;  // ending one changes the original
    for (const std::shared_ptr<const Task>& task : aside) {
      // Frameworks that are not partition aware know it as lost already.
      if (task->agent_id() != agent_id || tasks::IsTerminal(task->state)) continue;
      auto status = StatusOf(tx, *task, loss.state, loss);
      tx->Tell(*framework, UpdateEvent{status});
      tx->EndUnreachable(framework.get(), *task, loss.state, *status);
    }
  }
}

}  // namespace

void AfterUnreachable(Transaction* tx, const UnreachableAfter& after) {
  Agent* agent = tx->books().agents.Find(after.agent_id);
  MEROS_CHECK(agent != nullptr && agent->record.state == AgentState::kMarkingUnreachable)
      << after.agent_id;
  agent->record.unreachable_since = after.since;
  LoseTasks(tx, agent, {.state = v1::TASK_UNREACHABLE, .unreachable_since = after.since});
  LoseOperations(tx, agent, v1::OPERATION_UNREACHABLE);
  tx->SetAgentState(agent, AgentState::kUnreachable);
  tx->CountAgentChange(AgentChange::kUnreachable);
  TellFailure(tx, after.agent_id);
  NoteUnreachable(tx, *agent);
  ForgetUnreachable(tx);
  ContinueAgentOrders(tx, after.agent_id);
  if (std::shared_ptr<AgentReregister> waiting = std::exchange(agent->waiting, nullptr)) {
    HandleAgentReregister(tx, std::move(*waiting));
  }
}

void BecomeGone(Transaction* tx, Agent* agent) {
  const AgentId& id = agent->record.id;
  agent->is_going = false;
  agent->record.orders = {};
  tx->EndOffersOf(agent);
  if (agent->is_live()) {
    LoseTasks(tx, agent, GoneLoss());
    LoseOperations(tx, agent, v1::OPERATION_GONE_BY_OPERATOR);
  } else {
    EndUnreachableTasks(tx, id, GoneLoss());
  }
  tx->SetAgentState(agent, AgentState::kGone);
  tx->RefreshMaintenance(agent);  // no drain is planned any more
  if (agent->stream != 0) tx->Send(agent->stream, ShutdownMessage{"an operator declared it gone"});
  DropSession(tx, agent, absl::FailedPreconditionError("the agent was declared gone"));
  TellFailure(tx, id);
  tx->Add(Count::kAgentsGone);
  tx->CountAgentChange(AgentChange::kGone);
}

void StayAfterAll(Transaction* tx, Agent* agent) {
  if (!std::exchange(agent->is_going, false)) return;
  if (std::shared_ptr<AgentReregister> waiting = std::exchange(agent->waiting, nullptr)) {
    HandleAgentReregister(tx, std::move(*waiting));
  }
  if (agent->record.state == AgentState::kRecovered) {
    tx->books().timers.Arm(tx->now(), RecoveredAgentTimer{agent->record.id});
  } else if (agent->is_live()) {
    WatchSilence(tx, agent);
    SendAwayIfDown(tx, agent);
  }
}

void AfterAgentRemoved(Transaction* tx, const RemoveAgentAfter& after) {
  Agent* agent = tx->books().agents.Find(after.agent_id);
  MEROS_CHECK(agent != nullptr && agent->record.state == AgentState::kRemoving) << after.agent_id;
  LoseTasks(tx, agent,
            after.leaving == Leaving::kByItself ? Loss{.state = v1::TASK_GONE} : MaintenanceLoss());
  if (after.leaving == Leaving::kForMaintenance) tx->Add(Count::kAgentsSentAway);
  tx->CountAgentChange(after.leaving == Leaving::kByItself ? AgentChange::kUnregistered
                                                           : AgentChange::kMaintenance);
  LoseOperations(tx, agent, v1::OPERATION_GONE_BY_OPERATOR);
  DropSession(tx, agent, absl::OkStatus());
  TellFailure(tx, after.agent_id);
  tx->EraseAgent(agent);
  ContinueAgentOrders(tx, after.agent_id);  // there is no such agent any more
}

}  // namespace meros::master
