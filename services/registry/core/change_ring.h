// The last changes of the records, a commit each, for those who watch them and are behind
// (record_watchers.h). Bounded by the number of changes and by their bytes; the values are shared
// with the records.
//
// Thread rule: strand-confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "services/registry/core/records.h"

namespace meros::registry {

// What one commit changed; or all records as they are at a revision.
struct RevisionChanges {
  uint64_t revision = 0;
  std::vector<StoreChange> changes;  // in key order
};
using SharedChanges = std::shared_ptr<const RevisionChanges>;

class ChangeRing {
 public:
  // All that comes after `revision` will be added.
  ChangeRing(size_t changes_max, size_t bytes_max, uint64_t revision)
      : changes_max_(changes_max), bytes_max_(bytes_max), forgotten_(revision) {}

  // REQUIRES: a higher revision than before. May exceed the bounds until Trim.
  void Add(SharedChanges commit);
  // Forgets the oldest commits until the bounds are kept.
  void Trim();

  // The revision of the last commit that is not remembered: all after it are.
  uint64_t forgotten() const { return forgotten_; }
  // The first commit after `revision`; null: there is none. REQUIRES: revision >= forgotten().
  // Cost: O(log commits).
  SharedChanges After(uint64_t revision) const;

 private:
  size_t changes_max_;
  size_t bytes_max_;
  uint64_t forgotten_;
  std::deque<SharedChanges> commits_;
  size_t changes_ = 0;
  size_t bytes_ = 0;
};

}  // namespace meros::registry
