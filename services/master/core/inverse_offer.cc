#include "services/master/core/inverse_offer.h"

#include <algorithm>

#include "libs/base/check.h"

namespace meros::master {

void InverseOfferBook::Insert(InverseOfferRef offer) {
  const uint64_t sequence = offer->sequence;
  MEROS_CHECK(sequence_by_id_.emplace(offer->id, sequence).second) << offer->id;
  MEROS_CHECK(
      by_framework_.emplace(std::pair(offer->framework_id, offer->agent_id), sequence).second)
      << offer->id;
  by_agent_.emplace(offer->agent_id, sequence);
  MEROS_CHECK(offers_.emplace(sequence, std::move(offer)).second) << sequence;
}

void InverseOfferBook::Erase(uint64_t sequence) {
  const auto it = offers_.find(sequence);
  MEROS_CHECK(it != offers_.end()) << sequence;
  const InverseOffer& offer = *it->second;
  sequence_by_id_.erase(offer.id);
  by_framework_.erase({offer.framework_id, offer.agent_id});
  by_agent_.erase({offer.agent_id, sequence});
  offers_.erase(it);
}

const InverseOffer* InverseOfferBook::Find(const OfferId& id) const {
  const auto it = sequence_by_id_.find(id);
  return it == sequence_by_id_.end() ? nullptr : Find(it->second);
}

const InverseOffer* InverseOfferBook::Find(uint64_t sequence) const {
  const auto it = offers_.find(sequence);
  return it == offers_.end() ? nullptr : it->second.get();
}

const InverseOffer* InverseOfferBook::Find(const FrameworkId& framework_id,
                                           const AgentId& agent_id) const {
  const auto it = by_framework_.find({framework_id, agent_id});
  return it == by_framework_.end() ? nullptr : Find(it->second);
}

std::vector<uint64_t> InverseOfferBook::Of(const FrameworkId& framework_id) const {
  std::vector<uint64_t> sequences;
  auto it = by_framework_.lower_bound({framework_id, AgentId()});
  for (; it != by_framework_.end() && it->first.first == framework_id; ++it) {
    sequences.push_back(it->second);
  }
  std::sort(sequences.begin(), sequences.end());
  return sequences;
}

std::vector<uint64_t> InverseOfferBook::Of(const AgentId& agent_id) const {
  std::vector<uint64_t> sequences;
  auto it = by_agent_.lower_bound({agent_id, 0});
  for (; it != by_agent_.end() && it->first == agent_id; ++it) sequences.push_back(it->second);
  return sequences;
}

void InverseOfferBook::CheckInvariants() const {
  for (const auto& [sequence, offer] : offers_) {
    MEROS_CHECK(offer->sequence == sequence) << sequence;
    MEROS_CHECK(Find(offer->id) == offer.get()) << offer->id;
    MEROS_CHECK(Find(offer->framework_id, offer->agent_id) == offer.get()) << offer->id;
    MEROS_CHECK(by_agent_.contains({offer->agent_id, sequence})) << offer->id;
  }
  MEROS_CHECK(sequence_by_id_.size() == offers_.size());
  MEROS_CHECK(by_framework_.size() == offers_.size() && by_agent_.size() == offers_.size());
}

}  // namespace meros::master
