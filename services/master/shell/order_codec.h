// What operators order about agents, frameworks and tasks, from messages to inputs of the core, and
// the ids that all calls of operators have.
//
// Thread rule: pure functions; thread-safe.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "meros/v1/master/operator/agents.pb.h"
#include "meros/v1/master/operator/frameworks.pb.h"
#include "meros/v1/master/operator/tasks.pb.h"
#include "services/master/core/inputs.h"

namespace meros::master {

// See master_service.proto. ERRORS: InvalidArgument.
absl::Status CheckRequestId(const std::string& request_id);
// ERRORS: InvalidArgument naming the field.
absl::Status CheckId(absl::string_view field, const std::string& value);

// Without the number of the caller. ERRORS: InvalidArgument naming the field and the limit.
absl::StatusOr<OperatorAgentOrder> DecodeCall(const v1::master::DrainAgentRequest& request);
absl::StatusOr<OperatorAgentOrder> DecodeCall(const v1::master::DeactivateAgentRequest& request);
absl::StatusOr<OperatorAgentOrder> DecodeCall(const v1::master::ReactivateAgentRequest& request);
absl::StatusOr<OperatorAgentOrder> DecodeCall(const v1::master::MarkAgentGoneRequest& request);
absl::StatusOr<OperatorTeardown> DecodeCall(const v1::master::TeardownRequest& request);
absl::StatusOr<OperatorKillTask> DecodeCall(const v1::master::KillTaskRequest& request);

}  // namespace meros::master
