// The sessions of agents: admission, return, loss; their health is in agent_health.h. The states
// are those of agent.h.
//
// Everything that frameworks or operators can see of an admission, a loss or a return after a loss
// happens only when the registry has it: the first half of each is a Handle function that writes,
// the second an After function that acts.
//
// Thread rule: strand-confined.
#pragma once

#include "absl/status/status.h"
#include "services/master/core/inputs.h"
#include "services/master/core/registry_queue.h"
#include "services/master/core/transaction.h"

namespace meros::master {

// An agent asks for admission. Idempotent by registration_key: a known key gets the id it has.
void HandleAgentRegister(Transaction* tx, AgentRegister message);
void AfterAdmitted(Transaction* tx, const AdmitAfter& after, const AgentId& existing);

// A known agent comes back with what it runs.
void HandleAgentReregister(Transaction* tx, AgentReregister message);
void AfterReachable(Transaction* tx, const ReachableAfter& after);

void HandleAgentStreamClosed(Transaction* tx, Agent* agent);
void HandleAgentTotalChanged(Transaction* tx, Agent* agent, AgentTotalChanged message);

// An agent leaves for good.
void HandleAgentUnregister(Transaction* tx, Agent* agent, const AgentUnregister& message);
void AfterAgentRemoved(Transaction* tx, const RemoveAgentAfter& after);

// An agent that was lost (agent_loss.cc).
void AfterUnreachable(Transaction* tx, const UnreachableAfter& after);

// The admission or return of an agent was refused by the registry for good.
void OnAgentWriteRefused(Transaction* tx, const AfterWrite& after, const absl::Status& status);

// A task changed its state (status_update.cc).
void HandleStatusUpdate(Transaction* tx, Agent* agent, AgentStatusUpdate update);

// Executors (executors.cc).
void HandleExecutorExited(Transaction* tx, Agent* agent, const AgentExecutorExited& message);
void HandleExecutorMessage(Transaction* tx, Agent* agent, AgentExecutorMessage message);

// An operator's word that the agent is gone is durable (agent_loss.cc). REQUIRES: it is_going.
void BecomeGone(Transaction* tx, Agent* agent);
// The registry refused it: what was held back meanwhile happens now. No effect unless it is_going.
void StayAfterAll(Transaction* tx, Agent* agent);

// Ties an agent that may stay to its session and tells it so; what it reported enters the books
// (agent_return.cc).
enum class Announce { kNothing, kTasks };
void TakeIntoSession(Transaction* tx, Agent* agent, AgentReregister message, Announce announce);

// The object of the agent's writes (registry_queue.h).
std::string ObjectKey(const AgentId& id);

// What a record of the agent holds, with the orders that are on their way.
AgentFacts FactsOf(const Agent& agent);

// Tells an agent that it is registered, and watches over its silence.
void WelcomeAgent(Transaction* tx, Agent* agent, bool reregistered);

// A session that does not replace another one is over.
void DropSession(Transaction* tx, Agent* agent, const absl::Status& status);

// An agent's stream is gone: no offers of it; its tasks stand.
void Disconnect(Transaction* tx, Agent* agent);

}  // namespace meros::master
