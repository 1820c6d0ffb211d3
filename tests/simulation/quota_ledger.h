// Whether limits are kept: no offer takes a role above one.
//
// What a role holds may be above its limit all the same: a limit is lowered below it by force, an
// agent comes back with tasks that a new leader had not counted, a reservation of the role's own is
// undone and used. Nothing is offered on top of that.
//
// Thread rule: thread-compatible.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "libs/resources/resources.h"
#include "services/master/core/master_core.h"
#include "tests/simulation/ledger.h"

namespace meros::simulation {

class QuotaLedger {
 public:
  explicit QuotaLedger(Ledger* ledger) : ledger_(*ledger) {}

  // After every batch of a master; `process` names one run of it.
  void OnMasterBatch(const std::string& node, const std::string& process,
                     const master::MasterCore& core);

 private:
  struct Books {
    std::string process;
    uint64_t epoch = 0;
    uint64_t last_offer = 0;                         // the newest that was seen
    std::map<std::string, uint64_t> versions;        // of limits, by role
    std::map<std::string, resources::Scalar> held;   // cpus, by role
    std::map<std::string, resources::Scalar> spare;  // held by right above the limit
  };

  Ledger& ledger_;
  std::map<std::string, Books> of_node_;
};

}  // namespace meros::simulation
