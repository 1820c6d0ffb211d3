// Which frameworks may subscribe, as far as their description alone can tell. What needs state
// (whitelists, tombstones, a changed principal) or authority is the master's.
//
// Thread rule: pure functions; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/resources/agent_constraints.h"
#include "libs/wire/field_path.h"
#include "meros/v1/framework.pb.h"
#include "meros/v1/scheduler/scheduler.pb.h"

namespace meros::wire {

bool HasCapability(const v1::FrameworkInfo& info, v1::FrameworkInfo::Capability::Type capability);

// Roles by the rules for MULTI_ROLE, their names, the id if there is one, minimum allocatable
// quantities, the fail-over timeout, lengths.
// ERRORS: InvalidArgument with the path of the offending field.
absl::Status ValidateFrameworkInfo(const v1::FrameworkInfo& info, const FieldPath& path);

// The roles a framework subscribes to, sorted; "*" by default without MULTI_ROLE, and possibly none
// with it. REQUIRES: ValidateFrameworkInfo has accepted it.
std::vector<std::string> FrameworkRoles(const v1::FrameworkInfo& info);

// How long the framework's tasks outlive its connection; not negative. REQUIRES: as above.
absl::Duration FailoverTimeout(const v1::FrameworkInfo& info);

// Suppressed roles and offer constraints: only of roles that the framework has, and well-formed.
// `roles` is sorted.
absl::Status ValidateSuppressedRoles(
    const google::protobuf::RepeatedPtrField<std::string>& suppressed,
    const std::vector<std::string>& roles, const FieldPath& path);
absl::Status ValidateOfferConstraints(const v1::scheduler::OfferConstraints& constraints,
                                      const std::vector<std::string>& roles, const FieldPath& path,
                                      const resources::RegexLimits& limits = {});

}  // namespace meros::wire
