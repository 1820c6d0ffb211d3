#include "services/allocator/core/filters/refuse.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "libs/base/check.h"

namespace meros::allocator {

bool RefuseFilters::OnAgent::Blocks(uint64_t client, const Resources& offered) const {
  const auto refusals = by_client_.find(client);
  if (refusals == by_client_.end()) return false;
  return std::any_of(refusals->second.begin(), refusals->second.end(),
                     [&](const Refusal& refusal) { return refusal.refused->Contains(offered); });
}

std::optional<absl::Time> RefuseFilters::OnAgent::BlockedUntil(uint64_t client,
                                                               const Resources& offered) const {
  std::optional<absl::Time> until;
  const auto refusals = by_client_.find(client);
  if (refusals == by_client_.end()) return until;
  for (const Refusal& refusal : refusals->second) {
    if (!refusal.refused->Contains(offered)) continue;
    until = until ? std::max(*until, refusal.expires) : refusal.expires;
  }
  return until;
}

size_t RefuseFilters::CountOf(uint64_t client) const {
  const auto found = agents_by_client_.find(client);
  return found == agents_by_client_.end() ? 0 : found->second.size();
}

std::shared_ptr<const Resources> RefuseFilters::OnAgent::Share(const Resources& refused) {
  if (last_ == nullptr || *last_ != refused) last_ = std::make_shared<const Resources>(refused);
  return last_;
}

const RefuseFilters::OnAgent* RefuseFilters::Find(uint64_t agent) const {
  const auto found = by_agent_.find(agent);
  return found == by_agent_.end() ? nullptr : found->second.get();
}

bool RefuseFilters::Add(uint64_t client, uint64_t agent, const Resources& refused,
                        absl::Time expires) {
  // What the new refusal covers for at least as long is superfluous.
  Remove(client, agent, [&](const Refusal& old) {
    return old.expires <= expires && refused.Contains(*old.refused);
  });
  if (size_ >= filters_max_) return false;
  std::unique_ptr<OnAgent>& on_agent = by_agent_[agent];
  if (on_agent == nullptr) on_agent = std::make_unique<OnAgent>();
  Refusals& refusals = on_agent->by_client_[client];
  if (refusals.empty()) agents_by_client_[client].insert(agent);
  if (refusals.size() >= per_pair_max_) {
    refusals.erase(
        std::min_element(refusals.begin(), refusals.end(),
                         [](const Refusal& a, const Refusal& b) { return a.expires < b.expires; }));
    --size_;
  }
  refusals.push_back({on_agent->Share(refused), expires});
  ++size_;
  Push({expires, client, agent});
  return true;
}

template <typename Ends>
size_t RefuseFilters::Remove(uint64_t client, uint64_t agent, Ends ends) {
  const auto on_agent = by_agent_.find(agent);
  if (on_agent == by_agent_.end()) return 0;
  auto& by_client = on_agent->second->by_client_;
  const auto found = by_client.find(client);
  if (found == by_client.end()) return 0;
  Refusals& refusals = found->second;
  const auto ended = std::remove_if(refusals.begin(), refusals.end(), ends);
  const auto count = static_cast<size_t>(refusals.end() - ended);
  refusals.erase(ended, refusals.end());
  size_ -= count;
  if (!refusals.empty()) return count;
  by_client.erase(found);
  if (by_client.empty()) by_agent_.erase(on_agent);
  const auto agents = agents_by_client_.find(client);
  agents->second.erase(agent);
  if (agents->second.empty()) agents_by_client_.erase(agents);
  return count;
}

void RefuseFilters::DropClient(uint64_t client) {
  const auto found = agents_by_client_.find(client);
  if (found == agents_by_client_.end()) return;
  const std::vector<uint64_t> agents(found->second.begin(), found->second.end());
  for (const uint64_t agent : agents) Remove(client, agent, [](const Refusal&) { return true; });
  SweepIfMostlyStale();
}

void RefuseFilters::DropAgent(uint64_t agent) {
  std::vector<uint64_t> clients;
  for (const auto& [client, agents] : agents_by_client_) {
    if (agents.contains(agent)) clients.push_back(client);
  }
  for (const uint64_t client : clients) Remove(client, agent, [](const Refusal&) { return true; });
  SweepIfMostlyStale();
}

void RefuseFilters::Expire(absl::Time now, std::vector<uint64_t>* agents) {
  while (!heap_.empty() && heap_.front().at <= now) {
    const Expiry expiry = heap_.front();
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    heap_.pop_back();
    const size_t ended = Remove(expiry.client, expiry.agent,
                                [&](const Refusal& refusal) { return refusal.expires <= now; });
    if (ended > 0) agents->push_back(expiry.agent);
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
  // An entry is live if its pair has a refusal that ends then.
  heap_.erase(std::remove_if(heap_.begin(), heap_.end(),
                             [this](const Expiry& expiry) {
                               const OnAgent* on_agent = Find(expiry.agent);
                               if (on_agent == nullptr) return true;
                               const auto refusals = on_agent->by_client_.find(expiry.client);
                               return refusals == on_agent->by_client_.end() ||
                                      std::none_of(refusals->second.begin(), refusals->second.end(),
                                                   [&](const Refusal& refusal) {
                                                     return refusal.expires == expiry.at;
                                                   });
                             }),
              heap_.end());
  std::make_heap(heap_.begin(), heap_.end(), std::greater<>());
}

void RefuseFilters::CheckInvariants() const {
  size_t refusals = 0;
  size_t pairs = 0;
  for (const auto& [client, agents] : agents_by_client_) {
    MEROS_CHECK(!agents.empty()) << client;
    pairs += agents.size();
    for (const uint64_t agent : agents) {
      const size_t count = by_agent_.at(agent)->by_client_.at(client).size();
      MEROS_CHECK(count > 0 && count <= per_pair_max_) << client << " " << agent << " " << count;
      refusals += count;
    }
  }
  for (const auto& [agent, on_agent] : by_agent_) {
    MEROS_CHECK(!on_agent->by_client_.empty()) << agent;
    pairs -= on_agent->by_client_.size();
  }
  MEROS_CHECK(pairs == 0 && refusals == size_) << refusals << " " << size_;
  MEROS_CHECK(size_ <= filters_max_ && heap_.size() >= size_) << size_ << " " << heap_.size();
}

}  // namespace meros::allocator
