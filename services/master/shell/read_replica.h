// The readers' side of the master: a thread with its own copy of what the core publishes, which
// answers listings and feeds watchers. The strand only hands over lists of changes.
//
// A reader who has seen an effect of a call sees it in a listing too: the strand hands over the
// changes of a batch before it sends the batch's answers and events.
//
//   strand ── Push(changes) ──▶ ┐
//   callers ── Query(read) ───▶ ├ queue ──▶ one thread: ClusterView, WatchHub
//   callers ── Query(watch) ──▶ ┘
//
// Bounds: max_queries wait (then RESOURCE_EXHAUSTED); Push waits while max_changes are behind, so a
// reader's thread that cannot keep up slows the master instead of growing it.
//
// Thread rule: thread-safe.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "libs/base/mutex.h"
#include "services/master/shell/master_metrics.h"
#include "services/master/shell/watch_hub.h"
#include "services/master/view/cluster_view.h"

namespace meros::master {

struct ReadReplicaOptions {
  size_t max_queries = 256;
  size_t max_changes = 1 << 20;
  WatchOptions watch;
};

class ReadReplica {
 public:
  using Read = std::function<void(const ClusterView& view, WatchHub* hub)>;

  // `metrics` outlives the replica.
  ReadReplica(ReadReplicaOptions options, std::string master_id, MasterMetrics* metrics);
  ~ReadReplica() { Stop(); }

  void Push(std::vector<Publish> changes);
  // Runs `read` on the replica's thread, after what was pushed so far. False when too many wait, or
  // after Stop: `read` is then dropped.
  [[nodiscard]] bool Query(Read read);
  // Runs what is queued and ends the watchers. Idempotent.
  void Stop();

 private:
  void Run();
  void Measure();

  const ReadReplicaOptions options_;
  MasterMetrics* const metrics_;
  ClusterView view_;  // replica's thread only
  WatchHub hub_;      // replica's thread only

  Mutex mutex_;
  CondVar wake_;
  CondVar drained_;
  std::vector<Publish> changes_ MEROS_GUARDED_BY(mutex_);
  std::vector<Read> queries_ MEROS_GUARDED_BY(mutex_);
  bool stopping_ MEROS_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace meros::master
