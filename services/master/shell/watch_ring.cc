#include "services/master/shell/watch_ring.h"

#include <algorithm>

#include "libs/base/check.h"

namespace meros::master {

bool WatchRing::Add(const Publish& change, const Replaced& replaced, Watched watched) {
  if (watched == Watched::kYes) {
    unwatched_ = 0;
  } else if (unwatched_ >= changes_max_) {
    Forget(change.revision);
    return false;
  } else {
    ++unwatched_;
  }
  changes_.push_back({change, replaced});
  if (changes_.size() > changes_max_) {
    forgotten_ = changes_.front().publish.revision;
    changes_.pop_front();
  }
  return true;
}

void WatchRing::Forget(uint64_t revision) {
  changes_.clear();
  forgotten_ = revision;
}

WatchRing::Part WatchRing::Next(const ClusterView& view, const WatchFilter& filter, uint64_t after,
                                Room room) const {
  MEROS_CHECK(after >= forgotten_) << "of " << after << ", forgotten " << forgotten_;
  auto it = std::upper_bound(
      changes_.begin(), changes_.end(), after,
      [](uint64_t revision, const Kept& kept) { return revision < kept.publish.revision; });
  Part part{.events = {}, .revision = after};
  for (; it != changes_.end(); ++it) {
    if (room.events == 0 || room.examined == 0 || part.events.size() >= room.bytes) return part;
    --room.examined;
    part.revision = it->publish.revision;
    const WatchFilter::Told told = filter.TellingOf(it->publish.change, it->replaced);
    if (told == WatchFilter::Told::kNothing) continue;
    AppendTold(view, it->publish, it->replaced, told, &part.events);
    --room.events;
  }
  part.is_last = true;
  return part;
}

}  // namespace meros::master
