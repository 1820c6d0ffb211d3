#include "services/master/core/offer_book.h"

#include <utility>

#include "libs/base/check.h"

namespace meros::master {

void OfferBook::Insert(OfferRef offer) {
  MEROS_CHECK(sequence_by_id_.emplace(offer->id, offer->sequence).second) << offer->id;
  const uint64_t sequence = offer->sequence;
  if (offer->expires < absl::InfiniteFuture()) by_expiry_.emplace(offer->expires, sequence);
  MEROS_CHECK(offers_.emplace(sequence, std::move(offer)).second) << sequence;
}

void OfferBook::Erase(uint64_t sequence) {
  auto it = offers_.find(sequence);
  MEROS_CHECK(it != offers_.end()) << sequence;
  sequence_by_id_.erase(it->second->id);
  by_expiry_.erase({it->second->expires, sequence});
  offers_.erase(it);
}

const Offer* OfferBook::Find(const OfferId& id) const {
  auto it = sequence_by_id_.find(id);
  return it == sequence_by_id_.end() ? nullptr : Find(it->second);
}

const Offer* OfferBook::Find(uint64_t sequence) const {
  auto it = offers_.find(sequence);
  return it == offers_.end() ? nullptr : it->second.get();
}

const Offer* OfferBook::FirstToExpire() const {
  return by_expiry_.empty() ? nullptr : Find(by_expiry_.begin()->second);
}

void OfferBook::CheckInvariants() const {
  size_t expiring = 0;
  for (const auto& [sequence, offer] : offers_) {
    MEROS_CHECK(sequence_by_id_.at(offer->id) == sequence) << sequence;
    if (offer->expires == absl::InfiniteFuture()) continue;
    MEROS_CHECK(by_expiry_.contains({offer->expires, sequence})) << sequence;
    ++expiring;
  }
  MEROS_CHECK(sequence_by_id_.size() == offers_.size());
  MEROS_CHECK(by_expiry_.size() == expiring);
}

}  // namespace meros::master
