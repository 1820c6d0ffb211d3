// Custom executors as they are listed.
//
// Thread rule: pure functions; as the view.
#pragma once

#include "absl/status/statusor.h"
#include "meros/v1/executor.pb.h"
#include "meros/v1/master/operator/executors.pb.h"
#include "services/master/view/cluster_view.h"
#include "services/master/view/listing_pages.h"

namespace meros::master {

void Encode(const ClusterView& view, const ExecutorKey& key, const v1::ExecutorInfo& info,
            v1::master::ExecutorView* out);

// ERRORS: InvalidArgument (page size, token or filters).
absl::StatusOr<v1::master::ListExecutorsResponse> ListExecutors(
    const ClusterView& view, const v1::master::ListExecutorsRequest& request,
    PageLimits limits = {});

}  // namespace meros::master
