// The structure of calls of schedulers: what Mesos answers with 400. Semantic failures (unknown
// offers, bad tasks) are not among them; they are answered by events.
//
// Thread rule: pure functions; thread-safe.
#pragma once

#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "libs/wire/field_path.h"
#include "meros/v1/scheduler/scheduler.pb.h"

namespace meros::wire {

// Required fields are present, `type` is known and its member is there, ids agree, uuids have 16
// bytes, counts are within limits.h. Of frameworks' descriptions and tasks only the structure is
// looked at: see framework_rules.h and task_rules.h.
// ERRORS: InvalidArgument with the path of the offending field; Unimplemented for a type UNKNOWN.
absl::Status ValidateCall(const v1::scheduler::Call& call, const FieldPath& path);

// A SUBSCRIBE or UPDATE_FRAMEWORK that names a principal must name the authenticated one, if the
// connection has one. REQUIRES: ValidateCall has accepted it.
absl::Status ValidatePrincipal(const v1::scheduler::Call& call,
                               const std::optional<std::string>& authenticated,
                               const FieldPath& path);

}  // namespace meros::wire
