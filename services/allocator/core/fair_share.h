// Dominant resource fairness, the arithmetic: who holds the largest fraction of anything has the
// largest share. Ghodsi et al., "Dominant Resource Fairness", NSDI 2011; weighted form of
// section 4.3.
//
// Owner: services/allocator/core. Thread rule: value types and pure functions; thread-compatible.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "services/allocator/core/model.h"

namespace meros::allocator {

// The largest fraction that `charged` is of `totals` over the names of `totals`. In [0, 1] as long
// as the books balance. Depends on the two values alone, so an account that is changed step by step
// and one that is recomputed have the same share to the last bit.
double DominantShare(const ResourceQuantities& charged, const ResourceQuantities& totals);

// Where someone stands among siblings: higher priority first, then smaller key, then fewer grants,
// then name.
struct Standing {
  int32_t priority = 0;
  double key = 0;       // dominant share divided by weight, or a lottery ticket (see Sorter)
  uint64_t grants = 0;  // how often something was granted, ever
  absl::string_view name;

  friend bool operator==(const Standing&, const Standing&) = default;
  friend bool operator<(const Standing& a, const Standing& b) {
    if (a.priority != b.priority) return a.priority > b.priority;
    if (a.key != b.key) return a.key < b.key;
    if (a.grants != b.grants) return a.grants < b.grants;
    return a.name < b.name;
  }
};

// What was taken from the cluster on someone's account.
struct Account {
  ResourceQuantities charged;
  uint64_t grants = 0;

  friend bool operator==(const Account&, const Account&) = default;
};

// A change of accounts, computed once per change of holdings.
struct Charge {
  ResourceQuantities all;         // all scalars: counts for shares
  ResourceQuantities unreserved;  // unreserved and not revocable: counts for quota

  static Charge Of(const Resources& resources);
};

}  // namespace meros::allocator
