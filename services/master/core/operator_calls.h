// What operators may change. Reading goes to published views, never here.
//
// Thread rule: strand-confined.
#pragma once

#include "absl/status/status.h"
#include "services/master/core/inputs.h"
#include "services/master/core/transaction.h"

namespace meros::master {

// ERRORS: NotFound (unknown or completed framework).
void HandleOperatorTeardown(Transaction* tx, const OperatorTeardown& call);

// ERRORS: NotFound (no such task), FailedPrecondition (several frameworks have a task of this id
// and none is named).
absl::Status HandleOperatorKill(Transaction* tx, const OperatorKillTask& call);

}  // namespace meros::master
