#include "services/registry/fuzz/script_watchers.h"

#include <iterator>

#include "libs/base/check.h"

namespace meros::registry {

void ScriptWatchers::Begin(StreamId watch, const v1::WatchRequest& request) {
  watchers_[watch] = {.knows_all = request.kinds().empty() && request.after_revision() == 0,
                      .revision = request.after_revision()};
}

void ScriptWatchers::Hear(const TellWatcher& tell, uint64_t durable) {
  const auto it = watchers_.find(tell.watch);
  MEROS_CHECK(it != watchers_.end()) << "somebody who has gone is told";
  Watcher& watcher = it->second;
  const v1::WatchResponse& response = *tell.response;
  MEROS_CHECK(response.revision() <= durable) << "is not durable";
  if (watcher.is_whole) {
    MEROS_CHECK(response.revision() > watcher.revision || watcher.revision == 0);
    watcher.last_key.reset();
  } else {
    MEROS_CHECK(response.revision() == watcher.revision) << "a part is missing";
  }
  watcher.revision = response.revision();
  watcher.is_whole = response.last();
  watcher.unread += response.ByteSizeLong();
  for (const v1::RecordChange& change : response.changes()) {
    const v1::RecordKey& named = change.has_record() ? change.record().key() : change.removed();
    const Key key(named.kind(), named.name());
    MEROS_CHECK(!watcher.last_key.has_value() || *watcher.last_key < key) << "not in order";
    watcher.last_key = key;
    if (change.has_record()) {
      watcher.records[key] = change.record().value();
    } else {
      watcher.records.erase(key);
    }
  }
}

void ScriptWatchers::End(StreamId watch) {
  MEROS_CHECK(watchers_.erase(watch) == 1) << "a watch ended twice";
}

std::optional<StreamId> ScriptWatchers::Drop(size_t which) {
  if (watchers_.empty()) return std::nullopt;
  const auto it = std::next(watchers_.begin(), static_cast<int64_t>(which % watchers_.size()));
  const StreamId watch = it->first;
  watchers_.erase(it);
  return watch;
}

std::vector<std::pair<StreamId, size_t>> ScriptWatchers::TakeUnread() {
  std::vector<std::pair<StreamId, size_t>> unread;
  for (auto& [watch, watcher] : watchers_) {
    if (watcher.unread > 0) unread.emplace_back(watch, std::exchange(watcher.unread, 0));
  }
  return unread;
}

void ScriptWatchers::Check(const Records& records, uint64_t revision) const {
  for (const auto& [watch, watcher] : watchers_) {
    MEROS_CHECK(watcher.is_whole) << "the rest of a revision was not told";
    MEROS_CHECK(watcher.revision <= revision && revision - watcher.revision < kSilentCommits);
    if (!watcher.knows_all) continue;
    MEROS_CHECK(watcher.records.size() == records.size()) << "watch " << watch;
    for (const StoreChange& record : records.All()) {
      const auto found = watcher.records.find(record.key);
      MEROS_CHECK(found != watcher.records.end() && found->second == record.value->bytes())
          << record.key.second;
    }
  }
}

}  // namespace meros::registry
