#include "services/master/shell/maintenance_codec.h"

#include <utility>

#include "libs/base/status_macros.h"
#include "libs/wire/maintenance.h"
#include "meros/v1/maintenance/maintenance.pb.h"

namespace meros::master {
namespace {

namespace pb = ::meros::registry::v1;
using wire::FieldPath;

// The schedule's one record.
constexpr char kSchedule[] = "schedule";

MachineId IdOf(wire::Machine machine) {
  return {std::move(machine.hostname), std::move(machine.ip)};
}

std::vector<MachineId> IdsOf(std::vector<wire::Machine> machines) {
  std::vector<MachineId> ids;
  for (wire::Machine& machine : machines) ids.push_back(IdOf(std::move(machine)));
  return ids;
}

absl::StatusOr<MaintenancePlan::Windows> WindowsOf(const v1::maintenance::Schedule& schedule,
                                                   const FieldPath& path) {
  MEROS_ASSIGN_OR_RETURN(std::vector<wire::MaintenanceWindow> read,
                         wire::ScheduleFromProto(schedule, path));
  MaintenancePlan::Windows windows;
  for (wire::MaintenanceWindow& window : read) {
    windows.push_back({IdsOf(std::move(window.machines)), {window.start, window.duration}});
  }
  return windows;
}

template <typename Request>
absl::StatusOr<OperatorMaintenance> DecodeMachines(const Request& request,
                                                   OperatorMaintenance::Kind kind) {
  OperatorMaintenance call;
  call.kind = kind;
  MEROS_ASSIGN_OR_RETURN(std::vector<wire::Machine> machines,
                         wire::MachinesFromProto(request.machines(), FieldPath(), "machines"));
  call.machines = IdsOf(std::move(machines));
  return call;
}

pb::Mutation MutationOf(pb::RecordKind kind, const std::string& name) {
  pb::Mutation mutation;
  mutation.mutable_key()->set_kind(kind);
  mutation.mutable_key()->set_name(name);
  return mutation;
}

pb::Mutation Put(const MachineId& id, const Unavailability& unavailability) {
  pb::MachineRecord record;
  *record.mutable_info()->mutable_id() = MessageOf(id);
  record.mutable_info()->set_mode(v1::MachineInfo::DOWN);
  *record.mutable_info()->mutable_unavailability() = MessageOf(unavailability);
  pb::Mutation mutation = MutationOf(pb::RECORD_KIND_MACHINE, NameOf(id));
  mutation.set_put(record.SerializeAsString());
  return mutation;
}

}  // namespace

absl::StatusOr<OperatorMaintenance> DecodeCall(
    const v1::master::UpdateMaintenanceScheduleRequest& request) {
  OperatorMaintenance call;
  call.kind = OperatorMaintenance::Kind::kSchedule;
  // An empty schedule is one that was meant.
  if (!request.has_schedule()) return FieldPath("schedule").Fault("must be set");
  MEROS_ASSIGN_OR_RETURN(call.windows, WindowsOf(request.schedule(), FieldPath("schedule")));
  return call;
}

absl::StatusOr<OperatorMaintenance> DecodeCall(const v1::master::StartMaintenanceRequest& request) {
  return DecodeMachines(request, OperatorMaintenance::Kind::kStart);
}

absl::StatusOr<OperatorMaintenance> DecodeCall(const v1::master::StopMaintenanceRequest& request) {
  return DecodeMachines(request, OperatorMaintenance::Kind::kStop);
}

std::vector<pb::Mutation> EncodeMaintenance(const PutMaintenanceRecord& record) {
  const MaintenancePlan& before = *record.before;
  const MaintenancePlan& after = *record.after;
  std::vector<pb::Mutation> mutations;
  if (before.windows() != after.windows()) {
    pb::Mutation mutation = MutationOf(pb::RECORD_KIND_MAINTENANCE_SCHEDULE, kSchedule);
    if (after.windows().empty()) {
      mutation.set_remove(true);
    } else {
      mutation.set_put(ScheduleOf(after).SerializeAsString());
    }
    mutations.push_back(std::move(mutation));
  }
  for (const auto& [id, machine] : before.machines()) {
    const auto now = after.machines().find(id);
    if (!machine.is_down || (now != after.machines().end() && now->second.is_down)) continue;
    mutations.push_back(MutationOf(pb::RECORD_KIND_MACHINE, NameOf(id)));
    mutations.back().set_remove(true);
  }
  for (const auto& [id, machine] : after.machines()) {
    const auto was = before.machines().find(id);
    const bool is_known = was != before.machines().end() && was->second.is_down &&
                          was->second.unavailability == machine.unavailability;
    if (machine.is_down && !is_known) mutations.push_back(Put(id, machine.unavailability));
  }
  return mutations;
}

absl::Status MaintenanceReader::AddSchedule(const std::string& value) {
  v1::maintenance::Schedule schedule;
  if (!schedule.ParseFromString(value)) return absl::InvalidArgumentError("not a Schedule");
  MEROS_ASSIGN_OR_RETURN(windows_, WindowsOf(schedule, FieldPath()));
  return absl::OkStatus();
}

absl::Status MaintenanceReader::AddMachine(const std::string& value) {
  pb::MachineRecord record;
  if (!record.ParseFromString(value)) return absl::InvalidArgumentError("not a MachineRecord");
  const v1::MachineInfo& info = record.info();
  if (info.mode() != v1::MachineInfo::DOWN) return absl::OkStatus();
  MEROS_ASSIGN_OR_RETURN(wire::Machine machine,
                         wire::MachineFromProto(info.id(), FieldPath("info").Field("id")));
  Unavailability& unavailability = down_[IdOf(std::move(machine))];
  unavailability.start = absl::FromUnixNanos(info.unavailability().start().nanoseconds());
  if (info.unavailability().has_duration()) {
    unavailability.duration = absl::Nanoseconds(info.unavailability().duration().nanoseconds());
  }
  return absl::OkStatus();
}

MaintenanceRef MaintenanceReader::Plan() const {
  if (windows_.empty() && down_.empty()) return nullptr;
  MaintenancePlan::Windows windows = windows_;
  absl::btree_set<MachineId> scheduled;
  for (const MaintenanceWindow& window : windows) {
    scheduled.insert(window.machines.begin(), window.machines.end());
  }
  absl::btree_set<MachineId> down;
  for (const auto& [id, unavailability] : down_) {
    if (!scheduled.contains(id)) windows.push_back({{id}, unavailability});
    down.insert(id);
  }
  return std::make_shared<const MaintenancePlan>(std::move(windows), down);
}

}  // namespace meros::master
