// The listings of MasterService, answered from a view.
//
// Pages: entries are ordered by id; a page token names the last entry of the page before, so a
// listing over several pages is consistent for every entry that does not change meanwhile.
//
// ERRORS of all: InvalidArgument (page size or token), NotFound (get).
// Thread rule: pure functions; as the view.
#pragma once

#include "absl/status/statusor.h"
#include "meros/v1/master/operator/agents.pb.h"
#include "meros/v1/master/operator/frameworks.pb.h"
#include "meros/v1/master/operator/roles.pb.h"
#include "meros/v1/master/operator/tasks.pb.h"
#include "services/master/view/cluster_view.h"

namespace meros::master {

inline constexpr uint32_t kDefaultPageSize = 1000;
inline constexpr uint32_t kMaxPageSize = 10000;

absl::StatusOr<v1::master::ListAgentsResponse> ListAgents(
    const ClusterView& view, const v1::master::ListAgentsRequest& request);
absl::StatusOr<v1::master::GetAgentResponse> GetAgent(const ClusterView& view,
                                                      const v1::master::GetAgentRequest& request);
absl::StatusOr<v1::master::ListFrameworksResponse> ListFrameworks(
    const ClusterView& view, const v1::master::ListFrameworksRequest& request);
absl::StatusOr<v1::master::GetFrameworkResponse> GetFramework(
    const ClusterView& view, const v1::master::GetFrameworkRequest& request);
absl::StatusOr<v1::master::ListTasksResponse> ListTasks(
    const ClusterView& view, const v1::master::ListTasksRequest& request);
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
