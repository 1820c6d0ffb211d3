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

// Whether a limit of the role, or of one above it, that the allocator did not know of when it
// proposed leaves less than `amount`.
bool ExceedsNewLimit(const Books& books, absl::string_view role, uint64_t based_on_version,
                     const resources::ResourceQuantities& amount);

// Why a proposal does not hold, if so.
ProposalResultMessage::Reject JudgeProposal(Transaction* tx, const Proposal& proposal);

// Turns all parts into offers, which the framework gets in one event, or none.
void HandleGangProposal(Transaction* tx, GangProposal proposal);
// Drops a gang that waits still, and tells its framework.
void OnGangDeadline(Transaction* tx, uint64_t sequence);

}  // namespace meros::master
