#include "services/master/core/offer_expiry.h"

#include <algorithm>

namespace meros::master {
namespace {

// The refusal of a DECLINE without filters (meros.v1.Filters.refuse_seconds).
constexpr absl::Duration kRefuseLeast = absl::Seconds(5);
// Long enough that a framework that hangs costs nothing, short enough that one that recovers
// without reviving is soon served.
constexpr absl::Duration kRefuseMost = absl::Minutes(10);

}  // namespace

void OnOfferExpiry(Transaction* tx) {
  Books& books = tx->books();
  if (tx->now() < books.offer_expiry_armed) return;  // another fired before
  books.offer_expiry_armed = absl::InfiniteFuture();
  const Offer* offer = books.offers.FirstToExpire();
  for (; offer != nullptr && offer->expires <= tx->now(); offer = books.offers.FirstToExpire()) {
    const Framework* framework = books.frameworks.Find(offer->framework_id);
    const absl::Duration silent = tx->now() - framework->unanswered_since;
    const bool answers_some = framework->unanswered_since > offer->made;
    tx->EndOffer(*offer, Rescind::kTellFramework,
                 answers_some ? kRefuseLeast : std::clamp(silent, kRefuseLeast, kRefuseMost));
    tx->Add(Count::kOffersExpired);
  }
  tx->ArmOfferExpiry();
}

}  // namespace meros::master
