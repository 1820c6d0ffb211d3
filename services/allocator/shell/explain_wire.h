// Questions and answers of Explain, between messages and model types.
//
// Owner: services/allocator/shell. Thread rule: pure functions; thread-safe.
#pragma once

#include "absl/status/statusor.h"
#include "meros/allocator/v1/explain.pb.h"
#include "services/allocator/core/explanation.h"

namespace meros::allocator {

// ERRORS: InvalidArgument with the path of the field.
absl::StatusOr<ExplainQuery> FromWire(const v1::ExplainRequest& request);
v1::ExplainResponse ToWire(const Explanation& explanation);

}  // namespace meros::allocator
