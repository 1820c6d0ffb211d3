// The open Watch streams: each is shown what there is, a frame at a time (watch_snapshot.h), and
// then every change, in order; or, with a resume token, only the changes after it.
//
// A change is packed once, and watchers who want the same are sent the same bytes.
//
//           Start, with a token
//   ────────────────────────────────────────────┐
//           Start            everything shown   ▼
//   ───────────────▶ SHOWING ────────────────▶ FOLLOWING: one of a group of equal wants
//
// The last `ring_max` changes are kept for tokens, unless nobody has watched for so many changes
// that every token has expired. A token names the master process, because revisions of another one
// mean nothing here. A reader that is too slow is cut by its stream's outbox; one that is being
// shown what there is gets more only when it has read.
//
// Thread rule: confined to the replica's thread.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/master/shell/watch_snapshot.h"

namespace meros::master {

struct WatchOptions {
  size_t max_watchers = 1000;  // more are refused with RESOURCE_EXHAUSTED
  size_t ring_max = 100000;    // changes kept for resume tokens
  size_t events_per_frame = 500;
  // Objects looked at for one frame of what there is, wanted or not.
  size_t examined_per_frame = 10000;
  // A watcher that has so many bytes to read is not shown more of what there is yet.
  size_t showing_bytes_max = 4 << 20;
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
      : options_(options), master_id_(std::move(master_id)) {}

  // `view` has just applied `change`, in place of what was.
  void Add(const ClusterView& view, const Publish& change, const Replaced& replaced);
  // Sends what was added since the last time.
  void Flush();
  // Shows one of those who are being shown what there is a frame more, in turn. Says when the next
  // can be.
  enum class ToShow { kNothing, kNow, kLater };  // kLater: all have enough to read
  ToShow ShowMore(const ClusterView& view);

  // Begins a watch; with a snapshot, ShowMore does the rest. ERRORS: ResourceExhausted (too many),
  // OutOfRange (the token is too old, or of another master), InvalidArgument (no token of ours, or
  // as WatchFilter). On an error the sink is not used.
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

  struct Kept {
    Publish publish;
    Replaced replaced;
  };

  std::string TokenOf(uint64_t revision) const;
  absl::StatusOr<uint64_t> RevisionOf(const std::string& token) const;
  absl::Status CheckResumable(uint64_t revision, uint64_t now) const;
  // Whether the change goes into the ring, because somebody may want it.
  bool Keep(const Publish& change, const Replaced& replaced);
  void FlushGroup(Group* group);
  void DropEnded();
  // What is pending is not for those who join.
  void Join(const WatchFilter& filter, std::shared_ptr<WatchSink> sink);
  bool HasEnough(const Showing& showing) const;
  // Its sink is null afterwards if it is not to be shown more.
  void ShowMore(const ClusterView& view, Showing* showing);
  void Replay(const ClusterView& view, uint64_t after, const WatchFilter& filter, WatchSink* sink);

  const WatchOptions options_;
  const std::string master_id_;
  std::map<WatchFilter, Group> groups_;  // none is empty
  std::deque<Showing> showing_;          // whose turn it is first
  size_t pending_events_ = 0;
  std::deque<Kept> ring_;        // only changes that watchers are told
  size_t unwatched_ = SIZE_MAX;  // changes since somebody watched
  uint64_t forgotten_ = 0;       // revision of the newest change that the ring lost
  uint64_t revision_ = 0;
};

}  // namespace meros::master
