#include "services/agent/core/agent_state.h"

#include <algorithm>

namespace meros::agent {
namespace {

using enum AgentState;

constexpr AgentTransition kTransitions[] = {
    {kRecovering, kConnecting, "records read and containers listed"},
    {kConnecting, kRegistering, "stream open"},
    {kRegistering, kRunning, "admitted"},
    {kRegistering, kConnecting, "stream ended, stale epoch or no answer"},
    {kRunning, kConnecting, "stream ended or master silent"},
    {kConnecting, kTerminating, "ordered to leave"},
    {kRegistering, kTerminating, "ordered to leave"},
    {kRunning, kTerminating, "ordered to leave"},
};

}  // namespace

absl::Span<const AgentTransition> AgentTransitions() { return kTransitions; }

bool IsLegal(AgentState from, AgentState to) {
  return std::any_of(std::begin(kTransitions), std::end(kTransitions),
                     [&](const AgentTransition& t) { return t.from == from && t.to == to; });
}

absl::string_view Name(AgentState state) {
  switch (state) {
    case kRecovering:
      return "RECOVERING";
    case kConnecting:
      return "CONNECTING";
    case kRegistering:
      return "REGISTERING";
    case kRunning:
      return "RUNNING";
    case kTerminating:
      return "TERMINATING";
  }
  return "?";
}

}  // namespace meros::agent
