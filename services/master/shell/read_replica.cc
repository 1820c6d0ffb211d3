#include "services/master/shell/read_replica.h"

#include <pthread.h>

#include "libs/runtime/clock.h"

namespace meros::master {
namespace {

// Counting all entries for gauges costs microseconds per thousand; once a second is enough.
constexpr absl::Duration kMeasureInterval = absl::Seconds(1);

}  // namespace

ReadReplica::ReadReplica(ReadReplicaOptions options, std::string master_id, MasterMetrics* metrics)
    : options_(options), metrics_(metrics), hub_(options.watch, std::move(master_id)) {
  thread_ = std::thread([this] { Run(); });
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

void ReadReplica::Stop() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    wake_.Signal();
    drained_.SignalAll();
  }
  if (thread_.joinable()) thread_.join();
}

void ReadReplica::Run() {
  pthread_setname_np(pthread_self(), "master-reads");
  absl::Time measured = absl::InfinitePast();
  while (true) {
    std::vector<Publish> changes;
    std::vector<Read> queries;
    bool stopping = false;
    {
      MutexLock lock(&mutex_);
      if (changes_.empty() && queries_.empty() && !stopping_) {
        wake_.WaitFor(&mutex_, kMeasureInterval);
      }
      changes.swap(changes_);
      queries.swap(queries_);
      stopping = stopping_;
      drained_.SignalAll();
    }
    for (const Publish& change : changes) {
      view_.Apply(change);
      hub_.Add(view_, change);
    }
    hub_.Flush();
    for (const Read& read : queries) read(view_, &hub_);
    const absl::Time now = runtime::ProcessClock::Get().Now();
    if (now - measured >= kMeasureInterval) {
      measured = now;
      Measure();
    }
    if (stopping) break;
  }
  hub_.CloseAll(absl::UnavailableError("the master stops"));
}

void ReadReplica::Measure() {
  metrics_->cluster.Measure(view_);
  metrics_->roles.Measure(view_);
  metrics_->watch_subscribers.Set(hub_.size());
}

}  // namespace meros::master
