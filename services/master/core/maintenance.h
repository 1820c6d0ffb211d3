// Planned maintenance: which machines go away when, and which are down.
//
//            (1)              (2)            (3)
//   UP ───────────▶ DRAINING ─────▶ DOWN ─────────▶ UP
//    ▲     (4)         │
//    └─────────────────┘
//
//   (1) a schedule names the machine: offers of its agents carry the time, and frameworks that hold
//   something there are asked to give it back (inverse_offers.h);  (2) an operator starts it: its
//   agents are sent away with their tasks, and refused;  (3) an operator stops it: it is off the
//   schedule, and its agents may come back;  (4) a schedule without it.
//
// Operators alone change the mode of a machine; the times are hints for frameworks.
//
// Thread rule: immutable.
#pragma once

#include <compare>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace meros::v1 {
class MachineID;
class Unavailability;
namespace maintenance {
class Schedule;
}
}  // namespace meros::v1

namespace meros::master {

struct Unavailability {
  absl::Time start;
  absl::Duration duration = absl::InfiniteDuration();  // infinite: forever as far as known

  friend bool operator==(const Unavailability&, const Unavailability&) = default;
};

// What agents belong to that have the same of what is set; at least one member is.
struct MachineId {
  std::string hostname;  // lower case
  std::string ip;

  friend auto operator<=>(const MachineId&, const MachineId&) = default;
};
// "HOSTNAME/IP", as its record is named.
std::string NameOf(const MachineId& id);

// Machines that go away together.
struct MaintenanceWindow {
  std::vector<MachineId> machines;  // not empty
  Unavailability unavailability;

  friend bool operator==(const MaintenanceWindow&, const MaintenanceWindow&) = default;
};

class MaintenancePlan {
 public:
  struct Machine {
    Unavailability unavailability;
    bool is_down = false;
  };
  using Machines = absl::btree_map<MachineId, Machine>;
  using Windows = std::vector<MaintenanceWindow>;

  // Nothing is planned.
  MaintenancePlan() = default;
  // REQUIRES: each machine is in one window, and all of `down` are in one.
  MaintenancePlan(Windows windows, const absl::btree_set<MachineId>& down);

  const Windows& windows() const { return windows_; }
  // All machines that are not up.
  const Machines& machines() const { return machines_; }
  absl::btree_set<MachineId> Down() const;

  // The machine of an agent; null if it is up. Of several, which differ in what they name, the one
  // that is down, else the one that goes first.
  const Machine* Find(absl::string_view hostname, const std::string& ip) const;

 private:
  Windows windows_;
  Machines machines_;
};

using MaintenanceRef = std::shared_ptr<const MaintenancePlan>;

// What an operator's call leaves of a plan. ERRORS: FailedPrecondition naming the machine that is
// in the wrong mode for it; for a schedule: that is down and left out.
absl::StatusOr<MaintenanceRef> Reschedule(const MaintenancePlan& plan,
                                          MaintenancePlan::Windows windows);
absl::StatusOr<MaintenanceRef> BringDown(const MaintenancePlan& plan,
                                         const std::vector<MachineId>& machines);
absl::StatusOr<MaintenanceRef> BringUp(const MaintenancePlan& plan,
                                       const std::vector<MachineId>& machines);

v1::MachineID MessageOf(const MachineId& id);
v1::Unavailability MessageOf(const Unavailability& unavailability);
v1::maintenance::Schedule ScheduleOf(const MaintenancePlan& plan);

}  // namespace meros::master
