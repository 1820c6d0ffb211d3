// Outstanding offers and inverse offers as they are listed.
//
// Thread rule: pure functions; as the view.
#pragma once

#include "absl/status/statusor.h"
#include "meros/v1/master/operator/offers.pb.h"
#include "services/master/view/cluster_view.h"
#include "services/master/view/listing_pages.h"

namespace meros::master {

// ERRORS: InvalidArgument (page size, token or filters).
absl::StatusOr<v1::master::ListOffersResponse> ListOffers(
    const ClusterView& view, const v1::master::ListOffersRequest& request, PageLimits limits = {});

}  // namespace meros::master
