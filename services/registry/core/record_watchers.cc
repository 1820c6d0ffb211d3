#include "services/registry/core/record_watchers.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/registry/core/validation.h"

namespace meros::registry {
namespace {

void Put(const StoreChange& change, v1::WatchResponse* response) {
  v1::RecordChange* const told = response->add_changes();
  v1::RecordKey* const key =
      change.value.has_value() ? told->mutable_record()->mutable_key() : told->mutable_removed();
  key->set_kind(static_cast<v1::RecordKind>(change.key.first));
  key->set_name(change.key.second);
  if (!change.value.has_value()) return;
  told->mutable_record()->set_value(change.value->bytes());
  told->mutable_record()->set_revision(change.value->revision());
}

}  // namespace

absl::Status RecordWatchers::CheckStart(const v1::WatchRequest& request, uint64_t revision) const {
  const absl::Status kinds = ValidateKinds(request);
  if (!kinds.ok()) return kinds;
  const uint64_t after = request.after_revision();
  if (after > revision) {
    return absl::OutOfRangeError(
        absl::StrCat("after_revision: ", after, " is yet to come, the present one is ", revision));
  }
  if (after > 0 && after < ring_.forgotten()) {
    return absl::OutOfRangeError(absl::StrCat("after_revision: changes are remembered after ",
                                              ring_.forgotten(), ", not after ", after));
  }
  if (watchers_.size() >= options_.record_watchers_max) {
    return absl::ResourceExhaustedError(absl::StrCat("too many watch: ", watchers_.size()));
  }
  return absl::OkStatus();
}

void RecordWatchers::Add(StreamId watch, const v1::WatchRequest& request, const Records& records,
                         uint64_t revision, std::vector<WatchEffect>* out) {
  absl::Status status = CheckStart(request, revision);
  if (!status.ok()) {
    out->push_back(EndWatch{watch, std::move(status)});
    return;
  }
  Watcher& watcher = watchers_[watch];
  watcher.kinds.assign(request.kinds().begin(), request.kinds().end());
  std::sort(watcher.kinds.begin(), watcher.kinds.end());
  watcher.kinds.erase(std::unique(watcher.kinds.begin(), watcher.kinds.end()), watcher.kinds.end());
  watcher.told = request.after_revision();
  watcher.shown = watcher.told;
  if (watcher.told == 0) {
    watcher.told = revision;
    watcher.being_told = AllAt(revision, records);
  }
  Parts parts;
  TellMore(watch, &watcher, &parts, out);
}

SharedChanges RecordWatchers::AllAt(uint64_t revision, const Records& records) {
  SharedChanges all = shown_last_.lock();
  if (all == nullptr || all->revision != revision) {
    all = std::make_shared<const RevisionChanges>(RevisionChanges{revision, records.All()});
    shown_last_ = all;
  }
  return all;
}

void RecordWatchers::Committed(std::vector<SharedChanges> commits, std::vector<WatchEffect>* out) {
  for (SharedChanges& commit : commits) ring_.Add(std::move(commit));
  // Before anything is forgotten: however much this is, whoever has read what was before it has
  // not been slow.
  Parts parts;
  for (auto& [watch, watcher] : watchers_) TellMore(watch, &watcher, &parts, out);
  ring_.Trim();
  std::erase_if(watchers_, [&](const auto& entry) {
    if (entry.second.told >= ring_.forgotten()) return false;
    out->push_back(EndWatch{entry.first,
                            absl::ResourceExhaustedError(
                                absl::StrCat("reads too slowly: changes up to revision ",
                                             ring_.forgotten(), " are not remembered any more")),
                            /*is_overrun=*/true});
    return true;
  });
}

void RecordWatchers::Read(StreamId watch, size_t bytes, std::vector<WatchEffect>* out) {
  const auto it = watchers_.find(watch);
  if (it == watchers_.end()) return;
  it->second.unread -= std::min(bytes, it->second.unread);
  Parts parts;
  TellMore(watch, &it->second, &parts, out);
}

void RecordWatchers::EndAll(const absl::Status& status, std::vector<WatchEffect>* out) {
  for (const auto& [watch, watcher] : watchers_) out->push_back(EndWatch{watch, status});
  watchers_.clear();
}

size_t RecordWatchers::NextWanted(const RevisionChanges& all, const Kinds& kinds, size_t from) {
  if (kinds.empty()) return from;
  while (from < all.changes.size() &&
         !std::binary_search(kinds.begin(), kinds.end(), all.changes[from].key.first)) {
    ++from;
  }
  return from;
}

RecordWatchers::Part RecordWatchers::MakePart(const RevisionChanges& all, const Kinds& kinds,
                                              size_t begin) const {
  auto response = std::make_shared<v1::WatchResponse>();
  size_t bytes = 0;
  size_t next = NextWanted(all, kinds, begin);
  while (next < all.changes.size()) {
    const StoreChange& change = all.changes[next];
    if (bytes > 0 && bytes + ListedBytes(change) > options_.list_part_bytes) break;
    Put(change, response.get());
    bytes += ListedBytes(change);
    next = NextWanted(all, kinds, next + 1);
  }
  response->set_revision(all.revision);
  response->set_last(next == all.changes.size());
  const size_t packed = response->ByteSizeLong();
  return {std::move(response), next, packed};
}

void RecordWatchers::TellMore(StreamId watch, Watcher* watcher, Parts* parts,
                              std::vector<WatchEffect>* out) {
  while (watcher->unread < options_.watch_unread_bytes_max) {
    if (watcher->being_told == nullptr) {
      SharedChanges next = ring_.After(watcher->told);
      if (next == nullptr) return;
      watcher->told = next->revision;
      watcher->next = NextWanted(*next, watcher->kinds, 0);
      const bool is_wanted = watcher->next < next->changes.size();
      const uint64_t silent = watcher->told - watcher->shown;
      if (!is_wanted && silent < options_.watch_silent_commits_max) continue;
      watcher->being_told = std::move(next);
    }
    const RevisionChanges& all = *watcher->being_told;
    const auto [it, is_new] = parts->try_emplace({&all, watcher->kinds, watcher->next});
    if (is_new) it->second = MakePart(all, watcher->kinds, watcher->next);
    const Part& part = it->second;
    out->push_back(TellWatcher{watch, part.response});
    watcher->unread += part.bytes;
    watcher->next = part.end;
    watcher->shown = all.revision;
    if (part.response->last()) watcher->being_told = nullptr;
  }
}

}  // namespace meros::registry
