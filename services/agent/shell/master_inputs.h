// A master's message as an input of the core: tasks are validated, and their resources converted to
// model types.
//
// Thread rule: pure functions; thread-safe.
#pragma once

#include "libs/base/ids.h"
#include "meros/agent_link/v1/agent_link.pb.h"
#include "services/agent/core/inputs.h"

namespace meros::agent {

MasterSaid ToInput(StreamId stream, agent_link::v1::MasterMessage message);

// ERRORS: InvalidArgument with the path of the field.
absl::StatusOr<TaskResources> TaskResourcesOf(const v1::TaskInfo& task,
                                              const FrameworkId& framework);

}  // namespace meros::agent
