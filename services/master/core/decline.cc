#include "services/master/core/scheduler_calls.h"

namespace meros::master {

absl::Status HandleDecline(Transaction* tx, Framework* framework, const Decline& call) {
  for (const OfferId& id : call.offers) {
    const Offer* offer = tx->books().offers.Find(id);
    if (offer == nullptr || offer->framework_id != framework->record.id) continue;
    tx->EndOffer(*offer, Rescind::kSilently, call.refuse);
    tx->CountOffer(*framework, &OfferCounts::declined);
    tx->Add(Count::kOffersDeclined);
  }
  tx->NoteAnswer(framework);
  return absl::OkStatus();
}

}  // namespace meros::master
