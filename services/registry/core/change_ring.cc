#include "services/registry/core/change_ring.h"

#include <algorithm>
#include <utility>

#include "libs/base/check.h"

namespace meros::registry {
namespace {

size_t BytesOf(const RevisionChanges& commit) {
  size_t bytes = 0;
  for (const StoreChange& change : commit.changes) bytes += ListedBytes(change);
  return bytes;
}

}  // namespace

void ChangeRing::Add(SharedChanges commit) {
  MEROS_CHECK(commit->revision > (commits_.empty() ? forgotten_ : commits_.back()->revision));
  changes_ += commit->changes.size();
  bytes_ += BytesOf(*commit);
  commits_.push_back(std::move(commit));
}

void ChangeRing::Trim() {
  while (changes_ > changes_max_ || bytes_ > bytes_max_) {
    const RevisionChanges& oldest = *commits_.front();
    changes_ -= oldest.changes.size();
    bytes_ -= BytesOf(oldest);
    forgotten_ = oldest.revision;
    commits_.pop_front();
  }
}

SharedChanges ChangeRing::After(uint64_t revision) const {
  MEROS_CHECK(revision >= forgotten_);
  const auto next = std::upper_bound(
      commits_.begin(), commits_.end(), revision,
      [](uint64_t after, const SharedChanges& commit) { return after < commit->revision; });
  return next == commits_.end() ? nullptr : *next;
}

}  // namespace meros::registry
