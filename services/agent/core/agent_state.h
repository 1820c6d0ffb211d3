// The life of an agent process as its cluster sees it.
//
//               1                2                 3
//   kRecovering ──▶ kConnecting ──▶ kRegistering ──▶ kRunning
//                      ▲   ▲             │ 4            │ 5
//                      │   └─────────────┘              │
//                      └────────────────────────────────┘
//   6: from kConnecting, kRegistering and kRunning to kTerminating, where it stays until it exits.
//
//   1  the records are read and the containerizer has listed its containers
//   2  a stream to a master is open; the registration is sent
//   3  the master has admitted the agent
//   4  the stream ended, the master's epoch is stale, or it took too long to answer
//   5  the stream ended, or the master was silent for too long
//   6  the master ordered the agent to leave
//
// Thread rule: immutable.
#pragma once

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace meros::agent {

enum class AgentState { kRecovering, kConnecting, kRegistering, kRunning, kTerminating };

struct AgentTransition {
  AgentState from;
  AgentState to;
  absl::string_view why;
};

// Every legal transition; what is not listed is a bug.
absl::Span<const AgentTransition> AgentTransitions();
bool IsLegal(AgentState from, AgentState to);

// "RECOVERING", ...
absl::string_view Name(AgentState state);

}  // namespace meros::agent
