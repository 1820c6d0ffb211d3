// What operators see of maintenance: the schedule, which machines are down, and what frameworks say
// to the inverse offers for those that are to go.
//
// Thread rule: pure functions; as the view.
#pragma once

#include "absl/status/statusor.h"
#include "meros/v1/master/operator/maintenance.pb.h"
#include "meros/v1/master/operator/watch.pb.h"
#include "services/master/view/cluster_view.h"

namespace meros::master {

void Encode(const MaintenancePlan& plan, v1::master::MaintenanceView* out);

absl::StatusOr<v1::master::GetMaintenanceScheduleResponse> GetMaintenanceSchedule(
    const ClusterView& view, const v1::master::GetMaintenanceScheduleRequest& request);

// Of each framework that was asked about several agents of a machine: its newest answer; none only
// while it has answered for no agent of it. Cost: O((agents + machines) log machines).
absl::StatusOr<v1::master::GetMaintenanceStatusResponse> GetMaintenanceStatus(
    const ClusterView& view, const v1::master::GetMaintenanceStatusRequest& request);

}  // namespace meros::master
