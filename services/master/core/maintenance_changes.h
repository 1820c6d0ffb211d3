// Operators plan maintenance, bring machines down and up: judged, written to the registry, and only
// then in force and answered. Also what follows for the agents of these machines.
//
// Answers: Mesos sends TASK_LOST for the tasks of a machine that goes down; here they are
// TASK_GONE_BY_OPERATOR for frameworks that are partition aware.
//
// Thread rule: strand-confined.
#pragma once

#include "absl/status/status.h"
#include "services/master/core/inputs.h"
#include "services/master/core/transaction.h"

namespace meros::master {

// Answers when the change is in force. ERRORS of the answer: FailedPrecondition (maintenance.h),
// ResourceExhausted (max_pending_maintenance), Internal (the registry refused it for good).
void HandleMaintenance(Transaction* tx, OperatorMaintenance call);

// The write of the oldest change is over.
void AfterMaintenanceWritten(Transaction* tx, const absl::Status& status);

// Leadership ends: nobody will know what becomes of the changes that wait.
void AbandonMaintenance(Transaction* tx);

// What the registry remembers. REQUIRES: no agent is in the books yet.
void RecoverMaintenance(Transaction* tx, MaintenanceRef plan);

// Whether the machine that the agent says to be on is down; then the agent is told to leave, and
// the stream ends.
bool RefuseIfDown(Transaction* tx, StreamId stream, const AgentDescription& agent);

// An agent has come to rest: should its machine have gone down meanwhile, it is sent away.
void SendAwayIfDown(Transaction* tx, Agent* agent);

}  // namespace meros::master
