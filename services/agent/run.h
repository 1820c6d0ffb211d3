// The agent's process from its settings to its end.
//
// Thread rule: call once, from main.
#pragma once

#include "absl/status/status.h"
#include "services/agent/config.h"

namespace meros::agent {

// Serves until SIGTERM or SIGINT (tasks go on), or until a master has ordered the agent to leave
// and its tasks are gone. ERRORS: what keeps it from running, in a sentence for operators.
absl::Status Run(const Config& config);

}  // namespace meros::agent
