#include "services/registry/core/leader_watchers.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace meros::registry {

absl::Status LeaderWatchers::Add(const LeaderWatcher& watcher) {
  if (watchers_.size() >= max_) {
    return absl::ResourceExhaustedError(
        absl::StrCat("too many requests wait for a leader: ", watchers_.size()));
  }
  watchers_.push_back(watcher);
  return absl::OkStatus();
}

void LeaderWatchers::Forget(StreamId stream) {
  std::erase_if(watchers_, [&](const LeaderWatcher& w) { return w.stream == stream; });
}

std::vector<LeaderWatcher> LeaderWatchers::TakeDue(absl::Time now, uint64_t epoch) {
  const auto due = std::stable_partition(
      watchers_.begin(), watchers_.end(),
      [&](const LeaderWatcher& w) { return now < w.deadline && w.known_epoch == epoch; });
  std::vector<LeaderWatcher> taken(due, watchers_.end());
  watchers_.erase(due, watchers_.end());
  return taken;
}

absl::Time LeaderWatchers::NextDeadline() const {
  absl::Time next = absl::InfiniteFuture();
  for (const LeaderWatcher& watcher : watchers_) next = std::min(next, watcher.deadline);
  return next;
}

}  // namespace meros::registry
