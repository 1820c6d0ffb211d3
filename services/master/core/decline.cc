#include "services/master/core/scheduler_calls.h"

namespace meros::master {

absl::Status HandleDecline(Transaction* tx, Framework* framework, const Decline& call) {
  bool is_any = false;
  for (const OfferId& id : call.offers) {
    const Offer* offer = tx->books().offers.Find(id);
    if (offer == nullptr || offer->framework_id != framework->record.id) continue;
    is_any = true;
    tx->EndOffer(*offer, Rescind::kSilently, call.refuse);
    tx->CountOffer(*framework, &OfferCounts::declined);
    tx->Add(Count::kOffersDeclined);
  }
  tx->NoteAnswer(framework);
  if (is_any) return absl::OkStatus();
  return absl::NotFoundError("decline.offer_ids: none of them is an offer of this framework now");
}

}  // namespace meros::master
