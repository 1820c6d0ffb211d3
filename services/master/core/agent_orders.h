// What operators order about agents: deactivate, reactivate, drain, declare gone.
//
//   order ─▶ waits behind earlier ones about the agent, and while the agent is between two states
//         ─▶ is judged by what the earlier ones left ─▶ record ─▶ takes effect, is answered
//
//   deactivated   no offers; tasks go on
//   asked         deactivated, to be drained; frameworks with something on it are asked by inverse
//                 offers, and it begins when all of them accept, at the end of the delay at the
//                 latest. Who does not accept in time has used up its delay, nothing more
//   draining      deactivated, and the agent ends its tasks (agent_link.proto, Drain); when nothing
//                 is left on it whose end a framework has not acknowledged, it is
//   drained       still deactivated; or gone, when that was ordered
//   gone          its tasks are GONE_BY_OPERATOR; told to leave, and never admitted again
//
// Orders survive fail-over, unreachability and returns of the agent; answers of frameworks do not,
// they are asked again. Reactivating ends all but the last, a drain under way too; nothing ends
// that.
//
// Source: Mesos' DRAIN_AGENT, DEACTIVATE_AGENT, REACTIVATE_AGENT and MARK_AGENT_GONE. What differs:
// a drain can be cancelled and replaced, and frameworks can delay it within a bound; machines in
// the maintenance schedule can be drained; an agent that a new leader still waits for is gone at
// once for reconciliation, and tasks of an unreachable agent learn that it is gone.
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

// What the drain of the agent waits for may have come about: agreement, the end of the delay, or
// that nothing is left on it. Does nothing for an agent that is not to be emptied.
void ContinueDrain(Transaction* tx, const AgentId& agent_id);

// Leadership ended: who waits for an answer is told that it is not known.
void AbandonAgentOrders(Transaction* tx);

}  // namespace meros::master
