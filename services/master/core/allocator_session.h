// The allocator's session: it is shown the books, and its proposals are checked against them.
//
// Thread rule: strand-confined.
#pragma once

#include "services/master/core/inputs.h"
#include "services/master/core/transaction.h"

namespace meros::master {

// Greets the allocator and shows it everything.
void HandleAllocatorConnected(Transaction* tx, StreamId stream);
void HandleAllocatorNeedsSnapshot(Transaction* tx, StreamId stream);
void HandleAllocatorClosed(Transaction* tx, StreamId stream);

// Turns each proposal that still holds into an offer, and says which hold and which do not.
void HandleProposals(Transaction* tx, AllocatorProposals message);

}  // namespace meros::master
