#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/tasks/task_state.h"
#include "services/master/core/scheduler_calls.h"

namespace meros::master {

void KillKnownTask(Transaction* tx, const Task& task,
                   std::shared_ptr<const v1::KillPolicy> kill_policy) {
  Agent* agent = tx->books().agents.Find(task.agent_id());
  // Remembered, with its policy, for an agent that is away just now. One that is being preempted
  // stays so: its agent has been told the reason.
  if (!tasks::IsTerminal(task.state)) {
    agent->pending_kills[{task.framework_id(), task.id()}].policy = kill_policy;
  }
  tx->Tell(*agent, KillTaskMessage{task.framework_id(), task.id(), std::move(kill_policy), ""});
}

void PreemptTask(Transaction* tx, const Task& task, const std::string& for_role) {
  Agent* agent = tx->books().agents.Find(task.agent_id());
  agent->pending_kills[{task.framework_id(), task.id()}].preempted_for = for_role;
  tx->Tell(*agent, KillTaskMessage{task.framework_id(), task.id(), nullptr, for_role});
}

absl::Status HandleKill(Transaction* tx, Framework* framework, const Kill& call) {
  const Task* task = framework->FindTask(call.task_id);
  if (task == nullptr) {
    auto status = ReconciledStatus(tx, *framework, call.task_id, call.agent_id);
    if (status == nullptr) {
      return absl::UnavailableError(
          absl::StrCat("task ", call.task_id.value(),
                       " is not known yet: its agent has still to come back, or to be given up"));
    }
    tx->Tell(*framework, UpdateEvent{std::move(status)});
    return absl::OkStatus();
  }
  if (!call.agent_id.empty() && call.agent_id != task->agent_id()) {
    return absl::FailedPreconditionError(absl::StrCat("kill.agent_id: task ", call.task_id.value(),
                                                      " is on agent ", task->agent_id().value(),
                                                      ", not on ", call.agent_id.value()));
  }
  KillKnownTask(tx, *task, call.kill_policy);
  return absl::OkStatus();
}

absl::Status HandleShutdownExecutor(Transaction* tx, Framework* framework,
                                    const ShutdownExecutorCall& call) {
  const Agent* agent = tx->books().agents.Find(call.agent_id);
  if (agent == nullptr || !agent->is_active()) {
    return absl::NotFoundError("agent is unknown or has no session: " + call.agent_id.value());
  }
  tx->Tell(*agent, ShutdownExecutorMessage{framework->record.id, call.executor_id});
  return absl::OkStatus();
}

}  // namespace meros::master
