#include "services/master/core/maintenance.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "meros/v1/common.pb.h"
#include "meros/v1/maintenance/maintenance.pb.h"

namespace meros::master {
namespace {

// For messages: without the slash where one of the two is missing.
std::string Shown(const MachineId& id) {
  if (id.hostname.empty()) return id.ip;
  return id.ip.empty() ? id.hostname : NameOf(id);
}

MaintenanceRef Made(MaintenancePlan::Windows windows, const absl::btree_set<MachineId>& down) {
  return std::make_shared<const MaintenancePlan>(std::move(windows), down);
}

}  // namespace

std::string NameOf(const MachineId& id) { return absl::StrCat(id.hostname, "/", id.ip); }

MaintenancePlan::MaintenancePlan(Windows windows, const absl::btree_set<MachineId>& down)
    : windows_(std::move(windows)) {
  for (const MaintenanceWindow& window : windows_) {
    for (const MachineId& id : window.machines) {
      const bool is_new = machines_.try_emplace(id, Machine{window.unavailability}).second;
      MEROS_CHECK(is_new) << NameOf(id);
    }
  }
  for (const MachineId& id : down) {
    const auto machine = machines_.find(id);
    MEROS_CHECK(machine != machines_.end()) << NameOf(id);
    machine->second.is_down = true;
  }
}

absl::btree_set<MachineId> MaintenancePlan::Down() const {
  absl::btree_set<MachineId> down;
  for (const auto& [id, machine] : machines_) {
    if (machine.is_down) down.insert(id);
  }
  return down;
}

const MaintenancePlan::Machine* MaintenancePlan::Find(absl::string_view hostname,
                                                      const std::string& ip) const {
  if (machines_.empty()) return nullptr;
  const std::string host = absl::AsciiStrToLower(hostname);
  const Machine* found = nullptr;
  for (const MachineId& id : {MachineId{host, ip}, MachineId{host, ""}, MachineId{"", ip}}) {
    const auto it = machines_.find(id);
    if (it == machines_.end()) continue;
    const auto rank = [](const Machine& m) {
      return std::make_tuple(!m.is_down, m.unavailability.start);
    };
    if (found == nullptr || rank(it->second) < rank(*found)) found = &it->second;
  }
  return found;
}

absl::StatusOr<MaintenanceRef> Reschedule(const MaintenancePlan& plan,
                                          MaintenancePlan::Windows windows) {
  const absl::btree_set<MachineId> down = plan.Down();
  absl::btree_set<MachineId> missing = down;
  for (const MaintenanceWindow& window : windows) {
    for (const MachineId& id : window.machines) missing.erase(id);
  }
  if (missing.empty()) return Made(std::move(windows), down);
  return absl::FailedPreconditionError(
      absl::StrCat("machine ", Shown(*missing.begin()),
                   " is down and must stay in the schedule until its maintenance is stopped"));
}

absl::StatusOr<MaintenanceRef> BringDown(const MaintenancePlan& plan,
                                         const std::vector<MachineId>& machines) {
  absl::btree_set<MachineId> down = plan.Down();
  for (const MachineId& id : machines) {
    if (!plan.machines().contains(id)) {
      return absl::FailedPreconditionError(
          absl::StrCat("machine ", Shown(id), " is not in the maintenance schedule"));
    }
    if (!down.insert(id).second) {
      return absl::FailedPreconditionError(absl::StrCat("machine ", Shown(id), " is down already"));
    }
  }
  return Made(plan.windows(), down);
}

absl::StatusOr<MaintenanceRef> BringUp(const MaintenancePlan& plan,
                                       const std::vector<MachineId>& machines) {
  absl::btree_set<MachineId> down = plan.Down();
  absl::btree_set<MachineId> up;
  for (const MachineId& id : machines) {
    if (down.erase(id) == 0) {
      return absl::FailedPreconditionError(absl::StrCat("machine ", Shown(id), " is not down"));
    }
    up.insert(id);
  }
  MaintenancePlan::Windows windows = plan.windows();
  for (MaintenanceWindow& window : windows) {
    std::erase_if(window.machines, [&](const MachineId& id) { return up.contains(id); });
  }
  std::erase_if(windows, [](const MaintenanceWindow& window) { return window.machines.empty(); });
  return Made(std::move(windows), down);
}

v1::MachineID MessageOf(const MachineId& id) {
  v1::MachineID message;
  if (!id.hostname.empty()) message.set_hostname(id.hostname);
  if (!id.ip.empty()) message.set_ip(id.ip);
  return message;
}

v1::Unavailability MessageOf(const Unavailability& unavailability) {
  v1::Unavailability message;
  message.mutable_start()->set_nanoseconds(absl::ToUnixNanos(unavailability.start));
  if (unavailability.duration != absl::InfiniteDuration()) {
    message.mutable_duration()->set_nanoseconds(absl::ToInt64Nanoseconds(unavailability.duration));
  }
  return message;
}

v1::maintenance::Schedule ScheduleOf(const MaintenancePlan& plan) {
  v1::maintenance::Schedule schedule;
  for (const MaintenanceWindow& window : plan.windows()) {
    v1::maintenance::Window* out = schedule.add_windows();
    for (const MachineId& id : window.machines) *out->add_machine_ids() = MessageOf(id);
    *out->mutable_unavailability() = MessageOf(window.unavailability);
  }
  return schedule;
}

}  // namespace meros::master
