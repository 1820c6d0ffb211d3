// What each call of a scheduler does, one function and one file per call. All of them are called
// for a framework that is known, connected and rightful (master_core.cc looks).
//
// The status is what a unary caller gets. On a stream a refusal is answered the way the call
// answers (a task status), and counted; it does not end the stream, nor with it the framework.
//
// Thread rule: strand-confined.
#pragma once

#include "absl/status/status.h"
#include "services/master/core/inputs.h"
#include "services/master/core/transaction.h"

namespace meros::master {

// Subscribes a new framework, one that comes back, or one that fails over to another stream.
// Answers on the stream: SUBSCRIBED and HEARTBEAT, or ERROR and the end of the stream.
void HandleSubscribe(Transaction* tx, Subscribe call);

// Launches tasks with the resources of one or more offers of one agent and role; what is left is
// returned with the filter. Tasks that cannot be launched get TASK_ERROR, TASK_DROPPED or
// TASK_LOST, resource operations with an id that cannot be carried out get OPERATION_ERROR. ERRORS:
// NotFound or InvalidArgument (the offers, as a whole: the valid ones are given back, all tasks and
// operations are answered so); that of the first resource operation without an id that is refused
// (the others stand).
absl::Status HandleAccept(Transaction* tx, Framework* framework, Accept call);

// Returns offers with the filter. Unknown ids are ignored: the offer may just have been rescinded.
// ERRORS: NotFound (none of them is known).
absl::Status HandleDecline(Transaction* tx, Framework* framework, const Decline& call);

// Asks for offers again, forgetting what was refused.
// ERRORS: InvalidArgument naming a role that the framework is not subscribed to; nothing is done
// then.
absl::Status HandleRevive(Transaction* tx, Framework* framework, const Revive& call);
// Asks for no more offers. ERRORS: as HandleRevive.
absl::Status HandleSuppress(Transaction* tx, Framework* framework, const Suppress& call);

// Keeps a gang and tells the allocator, or withdraws it. A gang that is not taken is answered with
// GANG_ENDED, too. ERRORS: FailedPrecondition (role), ResourceExhausted (a bound of the options).
absl::Status HandleGangRequest(Transaction* tx, Framework* framework, GangRequest request);

// Kills a task; one that nobody knows is reconciled instead.
// ERRORS: FailedPrecondition (it is on another agent), Unavailable (it may be on an agent that has
// still to come back to this leader).
absl::Status HandleKill(Transaction* tx, Framework* framework, const Kill& call);

// ERRORS: NotFound (agent unknown or without session).
absl::Status HandleShutdownExecutor(Transaction* tx, Framework* framework,
                                    const ShutdownExecutorCall& call);

// Forwards an acknowledgement; that of a terminal update moves the task to the history.
// ERRORS: NotFound (no such task, or agent away), FailedPrecondition (no update of it was
// forwarded).
absl::Status HandleAcknowledge(Transaction* tx, Framework* framework, AcknowledgeCall call);

// Answers with one status per task asked for, or per task known if none is named. Always OK.
absl::Status HandleReconcile(Transaction* tx, Framework* framework, const ReconcileCall& call);

// Passes bytes to an executor, best effort.
// ERRORS: NotFound (agent unknown or without session), InvalidArgument (above max_message_bytes).
absl::Status HandleMessage(Transaction* tx, Framework* framework, MessageCall call);

// Replaces the framework's description.
// ERRORS: InvalidArgument if principal, user or checkpoint differ.
absl::Status HandleUpdateFramework(Transaction* tx, Framework* framework, UpdateFrameworkCall call);

// The status of one task as reconciliation sees it, or null when the master cannot know yet.
std::shared_ptr<v1::TaskStatus> ReconciledStatus(Transaction* tx, const Framework& framework,
                                                 const TaskId& task_id, const AgentId& agent_id);

// Remembers the kill and sends it to the task's agent.
void KillKnownTask(Transaction* tx, const Task& task,
                   std::shared_ptr<const v1::KillPolicy> kill_policy);
// The same, with the task's own grace, because `for_role` is owed what it holds. REQUIRES: it has
// not ended.
void PreemptTask(Transaction* tx, const Task& task, const std::string& for_role);

}  // namespace meros::master
