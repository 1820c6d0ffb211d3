// What MasterService answers from a view at once: single objects and short listings. Those that are
// long come in pages (listing_pages.h).
//
// ERRORS of all that get one object: NotFound.
// Thread rule: pure functions; as the view.
#pragma once

#include "absl/status/statusor.h"
#include "meros/v1/master/operator/agents.pb.h"
#include "meros/v1/master/operator/frameworks.pb.h"
#include "meros/v1/master/operator/roles.pb.h"
#include "meros/v1/master/operator/tasks.pb.h"
#include "services/master/view/cluster_view.h"

namespace meros::master {

absl::StatusOr<v1::master::GetAgentResponse> GetAgent(const ClusterView& view,
                                                      const v1::master::GetAgentRequest& request);
absl::StatusOr<v1::master::GetFrameworkResponse> GetFramework(
    const ClusterView& view, const v1::master::GetFrameworkRequest& request);
// Also FailedPrecondition when several frameworks have the id and none is named.
absl::StatusOr<v1::master::GetTaskResponse> GetTask(const ClusterView& view,
                                                    const v1::master::GetTaskRequest& request);
// Also NotFound when a role is named that does not exist.
absl::StatusOr<v1::master::ListRolesResponse> ListRoles(
    const ClusterView& view, const v1::master::ListRolesRequest& request);
// Of roles that have a quota, and of those that have a weight of their own.
absl::StatusOr<v1::master::ListQuotasResponse> ListQuotas(
    const ClusterView& view, const v1::master::ListQuotasRequest& request);
absl::StatusOr<v1::master::ListWeightsResponse> ListWeights(
    const ClusterView& view, const v1::master::ListWeightsRequest& request);

}  // namespace meros::master
