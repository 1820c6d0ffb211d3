// The open Watch streams: each gets a snapshot at revision r and then every change from r + 1, in
// order, or, with a resume token, only the changes after it.
//
// The last `ring_max` changes are kept for tokens, unless nobody has watched for so many changes
// that every token has expired. A token names the master process, because revisions of another one
// mean nothing here. A reader that is too slow is cut by its stream's
// outbox.
//
// Thread rule: confined to the replica's thread.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "meros/v1/master/operator/watch.pb.h"
#include "services/master/view/cluster_view.h"

namespace meros::master {

struct WatchOptions {
  size_t max_watchers = 1000;  // more are refused with RESOURCE_EXHAUSTED
  size_t ring_max = 100000;    // changes kept for resume tokens
};

// Where the frames of one watcher go.
class WatchSink {
 public:
  virtual ~WatchSink() = default;
  // False when the stream has ended.
  virtual bool Send(v1::master::WatchResponse frame) = 0;
  virtual void Close(absl::Status status) = 0;
};

class WatchHub {
 public:
  WatchHub(WatchOptions options, std::string master_id)
      : options_(options), master_id_(std::move(master_id)) {}

  // `view` has just applied `change`.
  void Add(const ClusterView& view, const Publish& change);
  // Sends what was added since the last time.
  void Flush();

  // Begins a watch. ERRORS: ResourceExhausted (too many), OutOfRange (the token is too old, or of
  // another master), InvalidArgument (no token of ours). On an error the sink is not used.
  absl::Status Start(const ClusterView& view, const v1::master::WatchRequest& request,
                     std::shared_ptr<WatchSink> sink);

  void CloseAll(const absl::Status& status);
  size_t size() const { return watchers_.size(); }

 private:
  struct Watcher {
    std::shared_ptr<WatchSink> sink;
    std::set<v1::master::WatchKind> kinds;  // empty: all
    v1::master::WatchResponse pending;
  };

  std::string TokenOf(uint64_t revision) const;
  absl::StatusOr<uint64_t> RevisionOf(const std::string& token) const;
  absl::Status CheckResumable(uint64_t revision, uint64_t now) const;
  void SendSnapshot(const ClusterView& view, Watcher* watcher);
  void Replay(const ClusterView& view, uint64_t after, Watcher* watcher);

  const WatchOptions options_;
  const std::string master_id_;
  std::vector<Watcher> watchers_;
  std::deque<Publish> ring_;  // only changes that watchers are told
  size_t unwatched_ = SIZE_MAX;  // changes since somebody watched
  uint64_t forgotten_ = 0;       // revision of the newest change that the ring lost
  uint64_t revision_ = 0;
};

}  // namespace meros::master
