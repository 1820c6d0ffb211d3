#include "services/master/shell/read_replica.h"

#include <pthread.h>

#include <algorithm>

#include "libs/base/check.h"
#include "libs/runtime/clock.h"

namespace meros::master {
namespace {

// Counting all entries for gauges costs a millisecond per thousand agents; once a second is enough,
// and only when something has changed.
constexpr absl::Duration kMeasureInterval = absl::Seconds(1);

// How soon a watcher that has enough to read is looked at again.
constexpr absl::Duration kShowInterval = absl::Milliseconds(5);

absl::Time Now() { return runtime::ProcessClock::Get().Now(); }

}  // namespace

ReadReplica::ReadReplica(ReadReplicaOptions options, std::string master_id, MasterMetrics* metrics)
    : options_(options),
      metrics_(metrics),
      hub_(options.watch, std::move(master_id)),
      pacer_(options.watch_pace) {
  MEROS_CHECK(options.packing_threads > 0);
  thread_ = std::thread([this] { Run(); });
  for (size_t i = 0; i < options.packing_threads; ++i) {
    packers_.emplace_back([this] { RunPacker(); });
  }
}

void ReadReplica::Push(std::vector<Publish> changes) {
  if (changes.empty()) return;
  MutexLock lock(&mutex_);
  while (changes_.size() >= options_.max_changes && !stopping_) drained_.Wait(&mutex_);
  if (stopping_) return;
  if (changes_.empty()) {
    changes_ = std::move(changes);
  } else {
    changes_.insert(changes_.end(), std::make_move_iterator(changes.begin()),
                    std::make_move_iterator(changes.end()));
  }
  wake_.Signal();
}

bool ReadReplica::Query(Read read) {
  MutexLock lock(&mutex_);
  if (stopping_ || queries_.size() >= options_.max_queries) return false;
  queries_.push_back(std::move(read));
  wake_.Signal();
  return true;
}

bool ReadReplica::List(Take take) {
  MutexLock lock(&mutex_);
  if (stopping_ || listings_.size() >= options_.max_listings) return false;
  listings_.push_back(std::move(take));
  wake_.Signal();
  return true;
}

void ReadReplica::Stop() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    wake_.Signal();
    drained_.SignalAll();
  }
  if (thread_.joinable()) thread_.join();
  for (std::thread& packer : packers_) {
    if (packer.joinable()) packer.join();
  }
}

bool ReadReplica::MayTake() const {
  return !listings_.empty() && packs_.size() < options_.packing_threads;
}

bool ReadReplica::HasWork() const {
  if (!changes_.empty() || !queries_.empty() || MayTake()) return true;
  return stopping_ && listings_.empty();
}

ReadReplica::Work ReadReplica::NextWork(absl::Duration limit) {
  Work work;
  MutexLock lock(&mutex_);
  if (!HasWork() && limit > absl::ZeroDuration()) wake_.WaitFor(&mutex_, limit);
  work.changes.swap(changes_);
  work.queries.swap(queries_);
  if (MayTake()) {
    work.take = std::move(listings_.front());
    listings_.pop_front();
  }
  work.stopping = stopping_ && listings_.empty();
  drained_.SignalAll();
  return work;
}

absl::Time ReadReplica::FeedWatchers(absl::Time now) {
  absl::Time next = absl::InfiniteFuture();
  if (hub_.has_pending() && pacer_.IsDue(now)) {
    hub_.Flush();
    pacer_.Sent(now, Now());
  }
  if (hub_.has_pending()) next = pacer_.next();
  switch (hub_.ShowMore(view_)) {
    case WatchHub::ToShow::kNothing:
      break;
    case WatchHub::ToShow::kNow:
      next = now;
      break;
    case WatchHub::ToShow::kLater:
      next = std::min(next, now + kShowInterval);
      break;
  }
  return next;
}

void ReadReplica::Run() {
  pthread_setname_np(pthread_self(), "master-reads");
  absl::Time measured = absl::InfinitePast();
  absl::Time next = absl::InfinitePast();
  bool is_changed = true;  // since the view was measured
  while (true) {
    const Work work = NextWork(std::min(next - Now(), kMeasureInterval));
    for (const Publish& change : work.changes) {
      const Replaced replaced = view_.Apply(change);
      hub_.Add(view_, change, replaced);
    }
    for (const Read& read : work.queries) read(view_, &hub_);
    if (work.take != nullptr) HandOver(work.take(view_));
    is_changed = is_changed || !work.changes.empty();
    const absl::Time now = Now();
    next = FeedWatchers(now);
    metrics_->watch_subscribers.Set(hub_.size());
    if (is_changed && now - measured >= kMeasureInterval) {
      measured = now;
      is_changed = false;
      Measure();
    }
    if (work.stopping) break;
  }
  hub_.CloseAll(absl::UnavailableError("the master stops"));
  MutexLock lock(&mutex_);
  all_taken_ = true;
  taken_.SignalAll();
}

void ReadReplica::HandOver(Pack pack) {
  if (pack == nullptr) return;
  MutexLock lock(&mutex_);
  packs_.push_back(std::move(pack));
  taken_.Signal();
}

void ReadReplica::RunPacker() {
  pthread_setname_np(pthread_self(), "master-packs");
  while (true) {
    Pack pack;
    {
      MutexLock lock(&mutex_);
      while (packs_.empty() && !all_taken_) taken_.Wait(&mutex_);
      if (packs_.empty()) return;
      pack = std::move(packs_.front());
      packs_.pop_front();
      wake_.Signal();  // there is room for the next page
    }
    pack();
  }
}

void ReadReplica::Measure() {
  metrics_->cluster.Measure(view_);
  metrics_->roles.Measure(view_);
  metrics_->counts.Measure(view_, options_.framework_series_max);
}

}  // namespace meros::master
