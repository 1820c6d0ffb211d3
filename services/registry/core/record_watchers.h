// Who watches the records (RegistryService.Watch): each is told what there is and then every
// commit, or, from a revision on, only the commits after it. Only what is durable comes here.
//
//          Add, after 0                 all records told
//   ─────────────────────────▶ SHOWN ────────────────────┐
//          Add, after a revision                         ▼
//   ────────────────────────────────────────────────▶ FOLLOWING
//
//   from both: Forget, the caller has gone ──▶ nothing is told any more
//              End, EndAll, overrun        ──▶ EndWatch, the last that is told
//
// A watcher is told more when it has read: at most `watch_unread_bytes_max`, and a part, are on the
// way to it. What it is yet to be told lies once for all in a ring of the last commits. Whoever
// reads so slowly that the ring forgets what he needs is overrun: he alone is ended. A part is made
// once for all who want the same and are told it together. A watcher of few kinds is told the
// revision alone from time to time, so that it can go on after one that is remembered.
//
// Thread rule: strand-confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <tuple>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "libs/base/ids.h"
#include "meros/registry/v1/registry_service.pb.h"
#include "services/registry/core/change_ring.h"
#include "services/registry/core/options.h"
#include "services/registry/core/records.h"

namespace meros::registry {

// To one watcher, in this order; those who want the same share it.
struct TellWatcher {
  StreamId watch;
  std::shared_ptr<const v1::WatchResponse> response;
};
// Nothing more is told.
struct EndWatch {
  StreamId watch;
  absl::Status status;
  bool is_overrun = false;  // it read too slowly
};
using WatchEffect = std::variant<TellWatcher, EndWatch>;

class RecordWatchers {
 public:
  // `revision` is that of the records at the start; nothing before is remembered.
  RecordWatchers(const CoreOptions& options, uint64_t revision)
      : options_(options),
        ring_(options.watch_ring_changes_max, options.watch_ring_bytes_max, revision) {}

  // Begins a watch and tells what may be told at once; or ends it with ERRORS: InvalidArgument
  // (naming kinds[i]), OutOfRange, ResourceExhausted (too many). Cost of a watch from 0:
  // O(records), but for those who begin at the same revision one after the other.
  void Add(StreamId watch, const v1::WatchRequest& request, const Records& records,
           uint64_t revision, std::vector<WatchEffect>* out);
  // These commits have become durable, all together. Cost without watchers: of remembering them.
  void Committed(std::vector<SharedChanges> commits, std::vector<WatchEffect>* out);
  // So many bytes of the responses have been read, as the messages are packed.
  void Read(StreamId watch, size_t bytes, std::vector<WatchEffect>* out);
  void Forget(StreamId watch) { watchers_.erase(watch); }
  void EndAll(const absl::Status& status, std::vector<WatchEffect>* out);

  size_t size() const { return watchers_.size(); }

 private:
  using Kinds = std::vector<int>;  // sorted, each once; empty: all

  struct Watcher {
    Kinds kinds;
    uint64_t told = 0;         // everything up to this revision, save the rest of being_told
    uint64_t shown = 0;        // revision of the last response
    SharedChanges being_told;  // null: nothing is half told
    size_t next = 0;           // the first change of being_told that is not told yet
    size_t unread = 0;         // bytes
  };
  struct Part {
    std::shared_ptr<const v1::WatchResponse> response;
    size_t end;  // where the next one begins
    size_t bytes;
  };
  // By what it is a part of, for whom, and where it begins. They last for one input.
  using Parts = std::map<std::tuple<const RevisionChanges*, Kinds, size_t>, Part>;

  absl::Status CheckStart(const v1::WatchRequest& request, uint64_t revision) const;
  SharedChanges AllAt(uint64_t revision, const Records& records);
  static size_t NextWanted(const RevisionChanges& all, const Kinds& kinds, size_t from);
  Part MakePart(const RevisionChanges& all, const Kinds& kinds, size_t begin) const;
  // As much as the watcher may be told now. `parts` are used, and added to.
  void TellMore(StreamId watch, Watcher* watcher, Parts* parts, std::vector<WatchEffect>* out);

  CoreOptions options_;
  ChangeRing ring_;
  std::map<StreamId, Watcher> watchers_;
  std::weak_ptr<const RevisionChanges> shown_last_;  // of the watch from 0 that began last
};

}  // namespace meros::registry
