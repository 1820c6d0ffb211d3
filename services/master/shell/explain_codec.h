// Questions why something is not offered, between operators and the allocator.
//
// Thread rule: pure functions; thread-safe.
#pragma once

#include "absl/status/statusor.h"
#include "meros/allocator/v1/explain.pb.h"
#include "meros/v1/master/operator/explain.pb.h"

namespace meros::master {

// ERRORS: InvalidArgument with the path of the offending field.
absl::StatusOr<allocator::v1::ExplainRequest> QuestionOf(const v1::master::ExplainRequest& request);

v1::master::ExplainResponse AnswerOf(const allocator::v1::ExplainResponse& response);

}  // namespace meros::master
