// Takes each input of a leading master to the function that handles it.
//
// Thread rule: strand-confined.
#pragma once

#include "services/master/core/inputs.h"
#include "services/master/core/timers.h"
#include "services/master/core/transaction.h"

namespace meros::master {

// The input must be one of those that need leadership. Takes its content; an input is large, so
// that it is not moved from hand to hand on the way.
void HandleInput(Transaction* tx, Input&& input);

// A write was answered. Returns FailedPrecondition when the registry says that our epoch is over.
absl::Status HandleWritten(Transaction* tx, const RegistryWritten& written);

void HandleTimer(Transaction* tx, const Timer& timer);

// The stream that an input came on, and the call that waits for an answer to it; 0 for none.
StreamId StreamOf(const Input& input);
uint64_t CallOf(const Input& input);

}  // namespace meros::master
