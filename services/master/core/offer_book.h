// The outstanding offers. A pure index: who holds what is changed together with it in
// transaction.h.
//
// Thread rule: strand-confined.
#pragma once

#include <cstdint>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "services/master/core/offer.h"

namespace meros::master {

class OfferBook {
 public:
  using Map = absl::btree_map<uint64_t, OfferRef>;

  // REQUIRES: id and sequence are new.
  void Insert(OfferRef offer);
  // REQUIRES: it is there.
  void Erase(uint64_t sequence);

  // Null if there is none.
  const Offer* Find(const OfferId& id) const;
  const Offer* Find(uint64_t sequence) const;

  // The one that expires first, the oldest of several; null if none ever does.
  const Offer* FirstToExpire() const;

  // In the order in which they were made.
  const Map& all() const { return offers_; }
  size_t size() const { return offers_.size(); }

  void CheckInvariants() const;

 private:
  Map offers_;
  absl::flat_hash_map<OfferId, uint64_t> sequence_by_id_;
  absl::btree_set<std::pair<absl::Time, uint64_t>> by_expiry_;  // of those that expire
};

}  // namespace meros::master
