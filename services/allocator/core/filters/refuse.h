// Filter: refusals. A framework that gave resources of an agent back in a role does not see them
// again there for the time it asked for. A refusal blocks an offer that is contained in what was
// refused; more than that defeats it.
//
// Keyed by agent and client (framework and role), as serials of Mirror: these are never reused, so
// a refusal can outlive neither. A run asks about one agent after the other and about many clients
// on each, therefore refusals of an agent lie together and share equal resources. The order in
// which refusals end is kept in a heap; entries of refusals that were dropped early are skipped
// there and swept when they become the majority.
//
// Bounds: filters_max in all, filters_per_pair_max of one client on one agent.
// Owner: services/allocator/core (Books). Thread rule: strand-confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/time/time.h"
#include "services/allocator/core/model.h"

namespace meros::allocator {

class RefuseFilters {
 public:
  // The refusals on one agent; valid until the filters change.
  class OnAgent;

  RefuseFilters(size_t filters_max, size_t filters_per_pair_max)
      : filters_max_(filters_max), per_pair_max_(filters_per_pair_max) {}

  // False when filters_max refusals are in force and this one was therefore not taken.
  // Cost: O(log n). REQUIRES: `refused` is not empty.
  bool Add(uint64_t client, uint64_t agent, const Resources& refused, absl::Time expires);

  // Null if there are none.
  const OnAgent* Find(uint64_t agent) const;

  void DropClient(uint64_t client);  // Cost: O(agents it refused)
  void DropAgent(uint64_t agent);    // Cost: O(clients that refused anything)

  // Ends the refusals whose time has come and appends the serials of their agents (repeats
  // possible).
  void Expire(absl::Time now, std::vector<uint64_t>* agents);

  // When Expire has to be called next; InfiniteFuture if never. May be early, never late.
  absl::Time NextExpiry() const;

  size_t size() const { return size_; }
  // Agents of which the client has refused something. Cost: O(log n).
  size_t CountOf(uint64_t client) const;

  // MEROS_CHECKs counts, bounds, the index by client, and that each refusal has an entry in the
  // heap.
  void CheckInvariants() const;

 private:
  struct Refusal {
    std::shared_ptr<const Resources> refused;
    absl::Time expires;
  };
  using Refusals = absl::InlinedVector<Refusal, 1>;
  struct Expiry {
    absl::Time at;
    uint64_t client;
    uint64_t agent;
    friend bool operator>(const Expiry& a, const Expiry& b) {
      if (a.at != b.at) return a.at > b.at;
      return a.client != b.client ? a.client > b.client : a.agent > b.agent;
    }
  };

  void Push(Expiry expiry);
  void SweepIfMostlyStale();
  // Removes those of a pair's refusals that `ends` holds for. Returns how many. The pair's entry
  // goes with its last refusal.
  template <typename Ends>
  size_t Remove(uint64_t client, uint64_t agent, Ends ends);

  const size_t filters_max_;
  const size_t per_pair_max_;
  size_t size_ = 0;
  absl::btree_map<uint64_t, std::unique_ptr<OnAgent>> by_agent_;
  absl::btree_map<uint64_t, absl::btree_set<uint64_t>> agents_by_client_;
  std::vector<Expiry> heap_;  // std::push_heap, the earliest in front
};

class RefuseFilters::OnAgent {
 public:
  // Whether a refusal of the client in force at the last Expire covers all of `offered`.
  bool Blocks(uint64_t client, const Resources& offered) const;
  // Until when; nullopt if it does not.
  std::optional<absl::Time> BlockedUntil(uint64_t client, const Resources& offered) const;

 private:
  friend class RefuseFilters;

  // The resources refused last are mostly those refused next, by others.
  std::shared_ptr<const Resources> Share(const Resources& refused);

  absl::flat_hash_map<uint64_t, Refusals> by_client_;
  std::shared_ptr<const Resources> last_;
};

}  // namespace meros::allocator
