// Inverse offers from the allocator's wish to the framework's answer (inverse_offer.h).
//
// Thread rule: strand-confined.
#pragma once

#include "services/master/core/inputs.h"
#include "services/master/core/transaction.h"

namespace meros::master {

// Makes an inverse offer of each that makes sense. The allocator hears of those that do not, so
// that it may ask again.
void HandleInverseProposals(Transaction* tx, const AllocatorInverseOffers& message);

// Notes what a framework says to its inverse offers. Unknown ids are ignored: an offer may just
// have been rescinded. ERRORS: NotFound (none of them is known).
absl::Status HandleAnswerInverseOffers(Transaction* tx, Framework* framework,
                                       const AnswerInverseOffers& call);

// Takes the inverse offer back if it is still unanswered.
void OnInverseOfferExpiry(Transaction* tx, uint64_t sequence);

}  // namespace meros::master
