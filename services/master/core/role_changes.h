// Operators change what is set of roles: judged, written to the registry, and only then in force
// and answered. Also what follows for outstanding offers.
//
// Limits and guarantees are kept by the allocator, which proposes nothing that breaks them; here
// only offers that were made before a change are taken back.
//
// Thread rule: strand-confined.
#pragma once

#include "absl/status/status.h"
#include "services/master/core/inputs.h"
#include "services/master/core/transaction.h"

namespace meros::master {

// Answers when the change is durable. ERRORS of the answer: Aborted (another version),
// FailedPrecondition (role_rules.h), ResourceExhausted (max_role_configs,
// max_pending_role_changes), Internal (the registry refused it for good).
void HandleUpdateRoles(Transaction* tx, OperatorUpdateRoles call);

// The write of the oldest change is over.
void AfterRolesWritten(Transaction* tx, const absl::Status& status);

// Leadership ends: nobody will know what becomes of the changes that wait.
void AbandonRoleChanges(Transaction* tx);

// Everything that is set, for the allocator's snapshot.
void SendRoles(Transaction* tx);

// What the registry remembers of one role.
void RecoverRole(Transaction* tx, RoleConfigRef config);

}  // namespace meros::master
