// What operators order about agents: deactivate, reactivate, drain, declare gone.
//
//   order ─▶ waits behind earlier ones about the agent, and while the agent is between two states
//         ─▶ is judged by what the earlier ones left ─▶ record ─▶ takes effect, is answered
//
//   deactivated   no offers; tasks go on
//   draining      deactivated, and the agent ends its tasks (agent_link.proto, Drain); when nothing
//                 is left on it whose end a framework has not acknowledged, it is
//   drained       still deactivated; or gone, when that was ordered
//   gone          its tasks are GONE_BY_OPERATOR; told to leave, and never admitted again
//
// Orders survive fail-over, unreachability and returns of the agent. Reactivating ends each of the
// first three, a drain under way too; nothing ends the last.
//
// Source: Mesos' DRAIN_AGENT, DEACTIVATE_AGENT, REACTIVATE_AGENT and MARK_AGENT_GONE. What differs:
// a drain can be cancelled and replaced, machines in the maintenance schedule can be drained, an
// agent that a new leader still waits for is gone at once for reconciliation, and tasks of an
// unreachable agent learn that it is gone.
//
// Thread rule: strand-confined.
#pragma once

#include "absl/status/status.h"
#include "services/master/core/inputs.h"
#include "services/master/core/transaction.h"

namespace meros::master {

// Answers when it is in force. ERRORS (of the answer): NotFound; FailedPrecondition (gone, being
// removed, or not deactivated); ResourceExhausted (too many wait, or are gone).
void HandleAgentOrder(Transaction* tx, OperatorAgentOrder call);

// The oldest order about the agent is durable, or refused for good.
void AfterAgentOrder(Transaction* tx, const AgentId& agent_id, const absl::Status& status);

// The agent has come to rest: what waited for it goes on.
void ContinueAgentOrders(Transaction* tx, const AgentId& agent_id);

// A draining agent may be empty now.
void OnAgentEmpty(Transaction* tx, const AgentId& agent_id);

// Leadership ended: who waits for an answer is told that it is not known.
void AbandonAgentOrders(Transaction* tx);

}  // namespace meros::master
