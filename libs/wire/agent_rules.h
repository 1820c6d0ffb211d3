// Which agents may register, as far as their description alone can tell.
//
// Thread rule: pure functions; thread-safe.
#pragma once

#include "absl/status/statusor.h"
#include "libs/resources/attributes.h"
#include "libs/resources/resources.h"
#include "libs/wire/field_path.h"
#include "meros/v1/agent.pb.h"

namespace meros::wire {

// What an agent brings.
struct AgentInventory {
  resources::Resources total;
  resources::Attributes attributes;
};

// Required fields, host name, port, id if there is one, resources (not allocated, disks
// well-formed, persistence ids unique), attributes. ERRORS: InvalidArgument with the path of the
// offending field.
absl::StatusOr<AgentInventory> ValidateAgentInfo(const v1::AgentInfo& info, const FieldPath& path);

}  // namespace meros::wire
