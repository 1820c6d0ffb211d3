// Whether agents live, and the protection against taking many of them for lost at once.
//
//            one heartbeat before           silent for agent_unreachable_timeout,
//            it is due                      few others are late
//   watched ─────────────────────────▶ LATE ───────────────────▶ MARKING_UNREACHABLE (agent.h)
//      ▲                                │  ▲
//      ├──────── says anything ─────────┘  │ many others are late
//      │                                   ▼
//      └──────── returns ──────────────── HELD ──▶ MARKING_UNREACHABLE: when few are late again, or
//                                                  in its turn, one every mass_loss_interval
//
// An agent that a new leader finds in the registry is late when agent_reregister_timeout is over.
// Many are more than mass_loss_percent of the agents that should be in session, and never fewer
// than 11; those that were declared unreachable in the last minute count, too. Then the fault is
// more likely the master's own, or of the network near it, and replacing all their tasks would do
// more harm than waiting. Agents that are held are DISCONNECTED: they get no offers, and their
// tasks stand. Since agents beat once in the time between, those that are lost at once are late
// before the first of them is due.
//
// While more agents come back to a new leader than it may ask for their reports at a time, it is
// behind, and silence says nothing: nobody becomes late, for agent_reregister_timeout at most.
// Those that it welcomes meanwhile are asked to be silent for as long as the others are likely to
// take, for once to three times agent_unreachable_timeout, because beats of thousands of agents
// would take longer than their reports. That silence counts from its end, or from when the stream
// ends, if that is earlier: who is cut off without that is missed so much later.
//
// Thread rule: strand-confined.
#pragma once

#include "services/master/core/transaction.h"

namespace meros::master {

// The agent said something, or is back: it is not late.
void NoteSignOfLife(Transaction* tx, Agent* agent);

// When an agent that is welcomed now is to beat. It is not expected to say anything before the
// first.
struct Heartbeats {
  absl::Duration first;  // from now
  absl::Duration interval;
};
Heartbeats ExpectHeartbeats(Transaction* tx, Agent* agent);

// Arms the timer that notices an agent's silence, unless one is armed for then or earlier.
void WatchSilence(Transaction* tx, Agent* agent);

// The stream has ended: if the agent was asked to be silent, that counts from now on.
void EndAskedSilence(Transaction* tx, Agent* agent);

// Timers.
void OnAgentSilence(Transaction* tx, const AgentId& agent_id);
void OnRecoveredAgentTimeout(Transaction* tx, const AgentId& agent_id);
void OnLateAgentsTimer(Transaction* tx);

}  // namespace meros::master
