// Offer constraints: from the message that schedulers send to the model that allocators evaluate.
//
// Thread rule: pure functions; thread-safe.
#pragma once

#include "absl/status/statusor.h"
#include "libs/resources/agent_constraints.h"
#include "libs/wire/field_path.h"
#include "meros/v1/scheduler/scheduler.pb.h"

namespace meros::wire {

// ERRORS: InvalidArgument with the path of what is missing, empty, unknown, or an expression that
// does not compile within `limits`.
absl::StatusOr<resources::AgentConstraints> AgentConstraintsFromProto(
    const v1::scheduler::OfferConstraints::RoleConstraints& message, const FieldPath& path,
    const resources::RegexLimits& limits = {});

}  // namespace meros::wire
