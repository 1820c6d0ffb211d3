// Maintenance between messages and the values of the core: operators' calls, the records of the
// registry, inverse offers.
//
// Thread rule: pure functions; thread-safe.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "libs/wire/maintenance.h"
#include "meros/registry/v1/record.pb.h"
#include "meros/registry/v1/registry_service.pb.h"
#include "meros/v1/master/operator/maintenance.pb.h"
#include "services/master/core/effects.h"
#include "services/master/core/inputs.h"

namespace meros::master {

// Without request ids, which the service checks. ERRORS: InvalidArgument with the path of the
// offending field.
absl::StatusOr<OperatorMaintenance> DecodeCall(
    const v1::master::UpdateMaintenanceScheduleRequest& request);
absl::StatusOr<OperatorMaintenance> DecodeCall(const v1::master::StartMaintenanceRequest& request);
absl::StatusOr<OperatorMaintenance> DecodeCall(const v1::master::StopMaintenanceRequest& request);

// Of one change: the schedule, and each of its machines that is down. The registry takes so many in
// one commit (its core/validation.h), so that whatever a call may ask for can be written.
inline constexpr int kMaintenanceMutationsMax = wire::kMaxScheduledMachines + 1;

// What changes from one plan to the other: one record of the schedule, one of each machine that is
// down. At most kMaintenanceMutationsMax: who is down before or after is in one of the schedules,
// and leaves it by kMaxMachinesPerCall at a time.
std::vector<registry::v1::Mutation> EncodeMaintenance(const PutMaintenanceRecord& record);

// Gathers the plan from its records, which come in any order.
class MaintenanceReader {
 public:
  // ERRORS: InvalidArgument saying why the record makes no sense.
  absl::Status AddSchedule(const std::string& value);
  absl::Status AddMachine(const std::string& value);

  // Null if there was no record. A machine that is down though no window has it gets one of its
  // own.
  MaintenanceRef Plan() const;

 private:
  MaintenancePlan::Windows windows_;
  absl::btree_map<MachineId, Unavailability> down_;
};

}  // namespace meros::master
