// The maintenance that is in force, and the calls of operators that are to change it and are not
// durable yet. They are carried out one after another, each judged by what the one before it left:
//
//   asked ─▶ WAITING ─▶ WRITING ─▶ in force, answered
//               │           └─────▶ refused by the registry, answered
//               └─ refused by the rules (maintenance.h), answered
//
// Thread rule: strand-confined.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "services/master/core/inputs.h"
#include "services/master/core/maintenance.h"

namespace meros::master {

// One call of an operator.
struct PendingMaintenance {
  OperatorMaintenance change;
  std::vector<uint64_t> calls;  // who waits for the answer; more than one when it was repeated
  MaintenanceRef planned;       // while its write is open: what it will leave
};

struct MaintenanceBook {
  MaintenanceRef plan = std::make_shared<const MaintenancePlan>();  // never null
  std::deque<PendingMaintenance> pending;  // oldest first; only the first may have `planned`
};

}  // namespace meros::master
