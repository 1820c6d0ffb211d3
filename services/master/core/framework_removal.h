// The end of a framework: TEARDOWN, an operator's teardown, or a fail-over deadline that passed. It
// must outlive the master that decides it, or the framework would rise again with the next one:
//
//   BeginRemoval ──▶ REMOVING ──tombstone durable──▶ everything of it ends, who waits is answered
//                       └─────tombstone refused────▶ it stays, who waits is told why
//
// While it is REMOVING it is offered nothing, it can call nothing and nobody can subscribe as it;
// its tasks run on, and their updates reach it.
//
// Thread rule: strand-confined.
#pragma once

#include "services/master/core/framework.h"
#include "services/master/core/transaction.h"

namespace meros::master {

// Begins, or joins what has begun. The waiter is answered when it is over.
// ERRORS, answered at once: RESOURCE_EXHAUSTED when too many wait already.
void BeginRemoval(Transaction* tx, Framework* framework, RemovalWaiter waiter);

void AfterRemovalWritten(Transaction* tx, const FrameworkId& framework_id,
                         const absl::Status& status);

// The leadership ends: nobody knows yet whether the tombstones are durable.
void AbandonRemovals(Transaction* tx);

}  // namespace meros::master
