// Messages for agents, from effects of the core to the wire.
//
// Thread rule: pure functions; thread-safe.
#pragma once

#include <string>

#include "meros/agent_link/v1/agent_link.pb.h"
#include "services/master/core/effects.h"

namespace meros::master {

// `master_id` is what Registered says. REQUIRES: `out` is empty.
void EncodeForAgent(const ToAgent::Message& message, const std::string& master_id,
                    agent_link::v1::MasterMessage* out);

}  // namespace meros::master
