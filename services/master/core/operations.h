// Operations on resources: those of an ACCEPT and of operators, their results and the questions
// about them, and what becomes of them when agents come and go.
//
// Thread rule: strand-confined.
#pragma once

#include "absl/status/status.h"
#include "services/master/core/inputs.h"
#include "services/master/core/transaction.h"

namespace meros::master {

// What is left of the offers of an ACCEPT.
struct SpentOffers {
  Framework* framework;
  Agent* agent;
  std::string role;
  // For further operations of the call.
  resources::Resources left;
  // What GROW_VOLUME and SHRINK_VOLUME made, which no further operation of the call may use.
  resources::Resources withheld;
};

// Carries one out, or says why not, with OPERATION_ERROR, too, to whoever gave it an id.
absl::Status ApplyOperation(Transaction* tx, const ResourceOperation& operation,
                            SpentOffers* spent);

// OPERATION_ERROR of no agent, if it has an id.
void RefuseOperation(Transaction* tx, const Framework& framework,
                     const ResourceOperation& operation, const std::string& message);
// UNKNOWN for one that is too faulty to tell.
OperationType TypeOf(const ResourceOperation& operation);

// A result. Told the framework, or acknowledged where nobody waits for it.
void HandleOperationUpdate(Transaction* tx, Agent* agent, AgentOperationUpdate update);

// ERRORS: NotFound (no such agent in session, or no such operation on it), FailedPrecondition (not
// the result that was told).
absl::Status HandleAcknowledgeOperation(Transaction* tx, Framework* framework,
                                        const AcknowledgeOperationCall& call);

// Answers with one status, without uuid, for each operation asked for, or for each known one of the
// framework that has an id. Always OK.
absl::Status HandleReconcileOperations(Transaction* tx, Framework* framework,
                                       const ReconcileOperationsCall& call);

// What an agent that came back reports of operations; it is asked about those that it should know
// and does not report.
void TakeOperations(Transaction* tx, Agent* agent, std::vector<ReportedOperation> reported);

// The agent is lost: its operations leave the books, and their frameworks are told this state.
void LoseOperations(Transaction* tx, Agent* agent, v1::OperationState state);

// Carries one out on what nobody uses, taking back the offers that hold some of it.
// ERRORS: NotFound (agent), FailedPrecondition (agent away, not there, in use), and those of
// JudgeOperation.
absl::Status HandleOperatorOperation(Transaction* tx, const OperatorOperation& call);

}  // namespace meros::master
