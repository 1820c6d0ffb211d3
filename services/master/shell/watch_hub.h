// The open Watch streams: each is shown what there is, a frame at a time (watch_snapshot.h), and
// then every change, in order; or, with a resume token, only the changes after it, those that it
// has missed (watch_ring.h) a frame at a time too.
//
// A change is packed once, and watchers who want the same are sent the same bytes; those who have
// missed changes, if they go on from the same place, as most do who were cut off together.
//
//         Start, with a token              all that was missed
//   ─────────────────────────▶ CATCHING UP ───────────────────┐
//         Start                            everything shown   ▼
//   ─────────────────────────▶ SHOWING ─────────────────▶ FOLLOWING: one of a group of equal wants
//
// The last `ring_max` changes are kept for tokens. A token names the master process, because
// revisions of another one mean nothing here. A reader that is too slow is cut by its stream's
// outbox; one that is being shown what there is, or is catching up, gets more only when it has
// read. Who is catching up so slowly that the ring loses what he needs is ended like a token that
// is too old.
//
// Thread rule: confined to the replica's thread.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/master/shell/watch_ring.h"
#include "services/master/shell/watch_snapshot.h"

namespace meros::master {

struct WatchOptions {
  size_t max_watchers = 1000;  // more are refused with RESOURCE_EXHAUSTED
  size_t ring_max = 100000;    // changes kept for resume tokens
  size_t events_per_frame = 500;
  // Objects looked at for one frame of what there is, wanted or not.
  size_t examined_per_frame = 10000;
  // A watcher that has so many bytes to read is not shown more of what there is yet, nor of what it
  // has missed.
  size_t showing_bytes_max = 4 << 20;
  // A frame of what was missed ends after so many.
  size_t missed_bytes_per_frame = 1 << 20;
};

// A packed v1::master::WatchResponse, shared by those it is sent to. Never null or empty.
using WatchFrame = std::shared_ptr<const std::string>;

// Where the frames of one watcher go.
class WatchSink {
 public:
  virtual ~WatchSink() = default;
  // False when the stream has ended.
  virtual bool Send(const WatchFrame& frame) = 0;
  // Bytes sent that wait to be read.
  virtual size_t unread_bytes() const = 0;
  virtual void Close(absl::Status status) = 0;
};

class WatchHub {
 public:
  WatchHub(WatchOptions options, std::string master_id)
      : options_(options), master_id_(std::move(master_id)), ring_(options.ring_max) {}

  // `view` has just applied `change`, in place of what was.
  void Add(const ClusterView& view, const Publish& change, const Replaced& replaced);
  // Sends what was added since the last time.
  void Flush();
  // A frame more, in turn, for one of those who are being shown what there is, and one for those of
  // one place who are catching up. Says when the next can be; the sooner comes first.
  enum class ToShow { kNow, kLater, kNothing };  // kLater: all have enough to read
  ToShow ShowMore(const ClusterView& view);

  // Begins a watch; ShowMore does the rest. ERRORS: ResourceExhausted (too many), OutOfRange (the
  // token is too old, or of another master), InvalidArgument (no token of ours, or as WatchFilter).
  // On an error the sink is not used.
  absl::Status Start(const ClusterView& view, const v1::master::WatchRequest& request,
                     std::shared_ptr<WatchSink> sink);

  void CloseAll(const absl::Status& status);
  size_t size() const;
  bool has_pending() const { return pending_events_ > 0; }

 private:
  using Sinks = std::vector<std::shared_ptr<WatchSink>>;

  // Those who want the same and have been told the same.
  struct Group {
    Sinks sinks;
    std::string pending;  // packed events
    size_t events = 0;
  };
  struct Showing {
    std::shared_ptr<WatchSink> sink;
    WatchFilter filter;
    WatchSnapshot snapshot;
    std::string pending = {};  // changes of what has been shown
  };
  // What those who are catching up want, and the revision after which. Turns go by revision first:
  // so all filters advance alike, and who is behind is caught up with and shares from there.
  using Place = std::pair<uint64_t, WatchFilter>;

  std::string TokenOf(uint64_t revision) const;
  absl::StatusOr<uint64_t> RevisionOf(const std::string& token) const;
  absl::Status CheckResumable(uint64_t revision, uint64_t now) const;
  void FlushGroup(Group* group);
  void DropEnded();
  // What is pending is not for those who join.
  void Join(const WatchFilter& filter, Sinks sinks);
  bool HasEnough(const Showing& showing) const;
  // Its sink is null afterwards if it is not to be shown more.
  void ShowMore(const ClusterView& view, Showing* showing);
  ToShow ShowOne(const ClusterView& view);
  // Ends those who are catching up and need what was forgotten.
  void EndOvertaken(uint64_t now);
  void CatchUp(const ClusterView& view, const Place& place, Sinks sinks);
  ToShow CatchUpOne(const ClusterView& view);

  const WatchOptions options_;
  const std::string master_id_;
  std::map<WatchFilter, Group> groups_;  // none is empty
  std::deque<Showing> showing_;          // whose turn it is first
  std::map<Place, Sinks> catching_up_;   // none is empty
  std::optional<Place> caught_up_last_;  // whose turn it was
  size_t pending_events_ = 0;
  WatchRing ring_;
  uint64_t revision_ = 0;
};

}  // namespace meros::master
