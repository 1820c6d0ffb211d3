#include "services/master/core/offer_book.h"

#include <utility>

#include "libs/base/check.h"

namespace meros::master {

void OfferBook::Insert(OfferRef offer) {
  MEROS_CHECK(sequence_by_id_.emplace(offer->id, offer->sequence).second) << offer->id;
  const uint64_t sequence = offer->sequence;
  MEROS_CHECK(offers_.emplace(sequence, std::move(offer)).second) << sequence;
}

void OfferBook::Erase(uint64_t sequence) {
  auto it = offers_.find(sequence);
  MEROS_CHECK(it != offers_.end()) << sequence;
  sequence_by_id_.erase(it->second->id);
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

}  // namespace meros::master
