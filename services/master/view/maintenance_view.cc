#include "services/master/view/maintenance_view.h"

#include <utility>

#include "absl/container/btree_map.h"
#include "absl/strings/ascii.h"
#include "meros/v1/maintenance/maintenance.pb.h"
#include "services/master/view/encode_view.h"

namespace meros::master {
namespace {

namespace pb = ::meros::v1::master;
using Answers = absl::btree_map<FrameworkId, InverseAnswer>;

// Any answer counts more than none, and a newer one more than an older.
void Merge(const Answers& from, Answers* into) {
  for (const auto& [framework, answer] : from) {
    const auto [known, is_new] = into->try_emplace(framework, answer);
    if (is_new) continue;
    const auto weight = [](const InverseAnswer& a) {
      return std::pair(a.kind != InverseAnswer::Kind::kNone, a.at);
    };
    if (weight(answer) > weight(known->second)) known->second = answer;
  }
}

absl::btree_map<MachineId, Answers> AnswersByMachine(const ClusterView& view) {
  const MaintenancePlan::Machines& machines = view.maintenance()->machines();
  absl::btree_map<MachineId, Answers> by_machine;
  for (const auto& [agent_id, agent] : view.agents()) {
    const AgentRecord& record = *agent.record;
    if (record.answers.empty()) continue;
    const std::string host = absl::AsciiStrToLower(record.info->hostname());
    for (const MachineId& id :
         {MachineId{host, record.ip}, MachineId{host, ""}, MachineId{"", record.ip}}) {
      if (machines.contains(id)) Merge(record.answers, &by_machine[id]);
    }
  }
  return by_machine;
}

}  // namespace

void Encode(const MaintenancePlan& plan, pb::MaintenanceView* out) {
  *out->mutable_schedule() = ScheduleOf(plan);
  for (const MachineId& id : plan.Down()) *out->add_down_machines() = MessageOf(id);
}

absl::StatusOr<pb::GetMaintenanceScheduleResponse> GetMaintenanceSchedule(
    const ClusterView& view, const pb::GetMaintenanceScheduleRequest&) {
  pb::GetMaintenanceScheduleResponse response;
  *response.mutable_schedule() = ScheduleOf(*view.maintenance());
  return response;
}

absl::StatusOr<pb::GetMaintenanceStatusResponse> GetMaintenanceStatus(
    const ClusterView& view, const pb::GetMaintenanceStatusRequest&) {
  const absl::btree_map<MachineId, Answers> answers = AnswersByMachine(view);
  pb::GetMaintenanceStatusResponse response;
  v1::maintenance::ClusterStatus* status = response.mutable_status();
  for (const auto& [id, machine] : view.maintenance()->machines()) {
    if (machine.is_down) {
      *status->add_down_machines() = MessageOf(id);
      continue;
    }
    auto* draining = status->add_draining_machines();
    *draining->mutable_id() = MessageOf(id);
    const auto given = answers.find(id);
    if (given == answers.end()) continue;
    for (const auto& [framework, answer] : given->second) {
      Encode(framework, answer, draining->add_statuses());
    }
  }
  return response;
}

}  // namespace meros::master
