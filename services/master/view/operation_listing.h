// Operations as they are listed.
//
// Thread rule: pure functions; as the view.
#pragma once

#include "absl/status/statusor.h"
#include "meros/v1/master/operator/operations.pb.h"
#include "meros/v1/operation.pb.h"
#include "services/master/view/cluster_view.h"
#include "services/master/view/listing_pages.h"

namespace meros::master {

void Encode(const Operation& operation, v1::Operation* out);

// ERRORS: InvalidArgument (page size, token or filters).
absl::StatusOr<v1::master::ListOperationsResponse> ListOperations(
    const ClusterView& view, const v1::master::ListOperationsRequest& request,
    PageLimits limits = {});

}  // namespace meros::master
