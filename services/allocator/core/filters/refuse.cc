#include "services/allocator/core/filters/refuse.h"

#include <algorithm>
#include <functional>

#include "libs/base/check.h"

namespace meros::allocator {

bool RefuseFilters::Add(uint64_t client, uint64_t agent, const Resources& refused,
                        absl::Time expires) {
  if (size_ >= filters_max_) return false;
  Refusals& refusals = by_client_[client][agent];
  // What the new refusal covers for at least as long is superfluous.
  const auto covered = std::remove_if(refusals.begin(), refusals.end(), [&](const Refusal& old) {
    return old.expires <= expires && refused.Contains(old.refused);
  });
  size_ -= static_cast<size_t>(refusals.end() - covered);
  refusals.erase(covered, refusals.end());
  if (refusals.size() >= per_pair_max_) {
    refusals.erase(std::min_element(
        refusals.begin(), refusals.end(),
        [](const Refusal& a, const Refusal& b) { return a.expires < b.expires; }));
    --size_;
  }
  refusals.push_back({refused, expires});
  ++size_;
  Push({expires, client, agent});
  return true;
}

bool RefuseFilters::Blocks(uint64_t client, uint64_t agent, const Resources& offered) const {
  const auto by_agent = by_client_.find(client);
  if (by_agent == by_client_.end()) return false;
  const auto refusals = by_agent->second.find(agent);
  if (refusals == by_agent->second.end()) return false;
  return std::any_of(
      refusals->second.begin(), refusals->second.end(),
      [&](const Refusal& refusal) { return refusal.refused.Contains(offered); });
}

void RefuseFilters::DropClient(uint64_t client) {
  const auto found = by_client_.find(client);
  if (found == by_client_.end()) return;
  // A sum: the order of the hash map does not matter.
  for (auto it = found->second.begin(); it != found->second.end(); ++it) {
    size_ -= it->second.size();
  }
  by_client_.erase(found);
  SweepIfMostlyStale();
}

void RefuseFilters::DropAgent(uint64_t agent) {
  for (auto it = by_client_.begin(); it != by_client_.end();) {
    if (const auto found = it->second.find(agent); found != it->second.end()) {
      size_ -= found->second.size();
      it->second.erase(found);
    }
    it = it->second.empty() ? by_client_.erase(it) : std::next(it);
  }
  SweepIfMostlyStale();
}

bool RefuseFilters::ExpirePair(uint64_t client, uint64_t agent, absl::Time now) {
  const auto by_agent = by_client_.find(client);
  if (by_agent == by_client_.end()) return false;
  const auto found = by_agent->second.find(agent);
  if (found == by_agent->second.end()) return false;
  Refusals& refusals = found->second;
  const auto kept = std::remove_if(refusals.begin(), refusals.end(),
                                   [&](const Refusal& refusal) { return refusal.expires <= now; });
  const auto expired = static_cast<size_t>(refusals.end() - kept);
  refusals.erase(kept, refusals.end());
  size_ -= expired;
  if (refusals.empty()) by_agent->second.erase(found);
  if (by_agent->second.empty()) by_client_.erase(by_agent);
  return expired > 0;
}

void RefuseFilters::Expire(absl::Time now, std::vector<uint64_t>* agents) {
  while (!heap_.empty() && heap_.front().at <= now) {
    const Expiry expiry = heap_.front();
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    heap_.pop_back();
    if (ExpirePair(expiry.client, expiry.agent, now)) agents->push_back(expiry.agent);
  }
}

absl::Time RefuseFilters::NextExpiry() const {
  return heap_.empty() ? absl::InfiniteFuture() : heap_.front().at;
}

void RefuseFilters::Push(Expiry expiry) {
  heap_.push_back(expiry);
  std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
  SweepIfMostlyStale();
}

void RefuseFilters::SweepIfMostlyStale() {
  // 1024: below that a sweep would cost more than the memory it frees is worth.
  if (heap_.size() <= 2 * size_ + 1024) return;
  heap_.clear();
  for (const auto& [client, by_agent] : by_client_) {
    // The heap orders what the hash map does not.
    for (auto it = by_agent.begin(); it != by_agent.end(); ++it) {
      for (const Refusal& refusal : it->second) {
        heap_.push_back({refusal.expires, client, it->first});
      }
    }
  }
  std::make_heap(heap_.begin(), heap_.end(), std::greater<>());
}

void RefuseFilters::CheckInvariants() const {
  size_t size = 0;
  for (const auto& [client, by_agent] : by_client_) {
    MEROS_CHECK(!by_agent.empty()) << client;
    for (auto it = by_agent.begin(); it != by_agent.end(); ++it) {
      MEROS_CHECK(!it->second.empty() && it->second.size() <= per_pair_max_) << client;
      size += it->second.size();
    }
  }
  MEROS_CHECK(size == size_) << size << " " << size_;
  MEROS_CHECK(size_ <= filters_max_ && heap_.size() >= size_) << size_ << " " << heap_.size();
}

}  // namespace meros::allocator
