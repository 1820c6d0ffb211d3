// Operations on resources between messages and the core.
//
// Thread rule: pure functions; thread-safe.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "libs/wire/field_path.h"
#include "meros/agent_link/v1/agent_link.pb.h"
#include "meros/v1/master/operator/operations.pb.h"
#include "meros/v1/offer.pb.h"
#include "services/master/core/effects.h"
#include "services/master/core/inputs.h"

namespace meros::master {

// One of an ACCEPT; what is wrong with it is in its `fault`. Takes the message's content.
ResourceOperation DecodeOperation(v1::Offer::Operation* message, const wire::FieldPath& path);

// Calls of operators, without the number of the caller.
// ERRORS: InvalidArgument with the path of the offending field.
absl::StatusOr<OperatorOperation> DecodeCall(const v1::master::ReserveResourcesRequest& request);
absl::StatusOr<OperatorOperation> DecodeCall(const v1::master::UnreserveResourcesRequest& request);
absl::StatusOr<OperatorOperation> DecodeCall(const v1::master::CreateVolumesRequest& request);
absl::StatusOr<OperatorOperation> DecodeCall(const v1::master::DestroyVolumesRequest& request);
absl::StatusOr<OperatorOperation> DecodeCall(const v1::master::GrowVolumeRequest& request);
absl::StatusOr<OperatorOperation> DecodeCall(const v1::master::ShrinkVolumeRequest& request);

// ERRORS: InvalidArgument with the path of the offending field.
absl::StatusOr<AgentOperationUpdate> DecodeUpdate(agent_link::v1::OperationUpdate* message,
                                                  StreamId stream, const wire::FieldPath& path);
absl::StatusOr<ReportedOperation> DecodeReport(const v1::Operation& message,
                                               const wire::FieldPath& path);

void Encode(const ApplyOperationMessage& message, agent_link::v1::ApplyOperation* out);

}  // namespace meros::master
