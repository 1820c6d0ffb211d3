// The readers' side of the master: a thread with its own copy of what the core publishes, which
// answers what is short, takes the pages of what is long, and feeds watchers; and a few threads
// that pack those pages. The strand only hands over lists of changes.
//
// A reader who has seen an effect of a call sees it in a listing too: the strand hands over the
// changes of a batch before it sends the batch's answers and events.
//
//   strand ── Push(changes) ───▶ ┐
//   callers ── Query(read) ────▶ ├ queues ──▶ one thread: ClusterView, WatchHub ── pack ──▶ threads
//   callers ── Query(watch) ───▶ │
//   callers ── List(take) ─────▶ ┘
//
// A question never waits for more than one page to be taken: between two pages, all that has come
// meanwhile is answered. A page is taken only when there is a thread to pack it soon, so pages that
// wait hold no memory.
//
// Bounds: max_queries and max_listings wait (then RESOURCE_EXHAUSTED); Push waits while max_changes
// are behind, so a reader's thread that cannot keep up slows the master instead of growing it.
//
// Thread rule: thread-safe.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "libs/base/mutex.h"
#include "services/master/shell/flush_pacer.h"
#include "services/master/shell/master_metrics.h"
#include "services/master/shell/watch_hub.h"
#include "services/master/view/cluster_view.h"

namespace meros::master {

struct ReadReplicaOptions {
  size_t max_queries = 256;
  size_t max_listings = 256;
  size_t max_changes = 1 << 20;
  size_t packing_threads = 2;  // at least 1
  size_t framework_series_max = 100;
  WatchOptions watch;
  FlushPace watch_pace;
};

class ReadReplica {
 public:
  using Read = std::function<void(const ClusterView& view, WatchHub* hub)>;
  using Pack = std::function<void()>;
  // Takes what it needs from the view and returns what is left to do with it; null for nothing.
  using Take = std::function<Pack(const ClusterView& view)>;

  // `metrics` outlives the replica.
  ReadReplica(ReadReplicaOptions options, std::string master_id, MasterMetrics* metrics);
  ~ReadReplica() { Stop(); }

  void Push(std::vector<Publish> changes);
  // Runs `read` on the replica's thread, after what was pushed so far. False when too many wait, or
  // after Stop: `read` is then dropped.
  [[nodiscard]] bool Query(Read read);
  // The same for what is long: `take` runs on the replica's thread behind the questions that wait,
  // what it returns on a thread that packs.
  [[nodiscard]] bool List(Take take);
  // Runs what is queued and ends the watchers. Idempotent.
  void Stop();

 private:
  // What the replica's thread does next.
  struct Work {
    std::vector<Publish> changes;
    std::vector<Read> queries;
    Take take;  // null if there is none, or nobody to pack it
    bool stopping = false;
  };

  void Run();
  void RunPacker();
  // Waits for it, `limit` at most.
  Work NextWork(absl::Duration limit);
  // What the watchers are owed now; returns when they may be owed more.
  absl::Time FeedWatchers(absl::Time now);
  bool HasWork() const MEROS_REQUIRES(mutex_);
  bool MayTake() const MEROS_REQUIRES(mutex_);
  void HandOver(Pack pack);
  void Measure();

  const ReadReplicaOptions options_;
  MasterMetrics* const metrics_;
  ClusterView view_;  // replica's thread only
  WatchHub hub_;      // replica's thread only
  FlushPacer pacer_;  // replica's thread only

  Mutex mutex_;
  CondVar wake_;
  CondVar drained_;
  CondVar taken_;
  std::vector<Publish> changes_ MEROS_GUARDED_BY(mutex_);
  std::vector<Read> queries_ MEROS_GUARDED_BY(mutex_);
  std::deque<Take> listings_ MEROS_GUARDED_BY(mutex_);
  std::deque<Pack> packs_ MEROS_GUARDED_BY(mutex_);
  bool stopping_ MEROS_GUARDED_BY(mutex_) = false;
  bool all_taken_ MEROS_GUARDED_BY(mutex_) = false;  // the replica's thread has ended
  std::vector<std::thread> packers_;
  std::thread thread_;
};

}  // namespace meros::master
