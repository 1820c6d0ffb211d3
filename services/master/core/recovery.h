// What a new leader makes of the registry's records.
//
// Thread rule: strand-confined.
#pragma once

#include "services/master/core/inputs.h"
#include "services/master/core/transaction.h"

namespace meros::master {

// Fills empty books. Admitted agents become RECOVERED and have agent_reregister_timeout to return;
// frameworks become RECOVERED and keep the deadline that the former leader recorded, and have at
// least agent_unreachable_timeout from now; one that was connected when it died gets its
// failover_timeout, and at least RecoveredFrameworkGrace, from now.
void RecoverBooks(Transaction* tx, RegistrySnapshot snapshot);

}  // namespace meros::master
