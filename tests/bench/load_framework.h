// A framework that launches as fast as offers and a window of outstanding launches allow, over one
// raw SchedulerService stream (no driver in between), acknowledges every update, and measures
// latencies.
//
// Thread rule: Start and the readings are thread-safe.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/base/mutex.h"
#include "libs/rpc/bidi_client_stream.h"
#include "libs/rpc/credentials.h"
#include "meros/v1/scheduler/scheduler_service.grpc.pb.h"
#include "tests/bench/report.h"

namespace meros::bench {

enum class Latency {
  kOfLaunches,  // from ACCEPT to the first RUNNING update
  kOfUpdates,   // from the agent to the framework
};

struct LoadFrameworkOptions {
  std::string master;
  rpc::TlsOptions tls = {.insecure = true};
  std::string name = "bench";
  std::string framework_id;  // empty: a new one
  std::string role = "bench";
  double task_cpus = 0.1;
  double task_mem_mb = 1;
  size_t tasks_per_accept_max = 100;
  size_t outstanding_max = 20000;  // launched, RUNNING not yet seen
  size_t tasks_max = SIZE_MAX;     // launched in all
  double tasks_per_second = 0;     // 0: as fast as it goes; else Pump() is to be called
  std::string command = "true";
  Latency latency = Latency::kOfLaunches;
};

class LoadFramework {
 public:
  explicit LoadFramework(LoadFrameworkOptions options) : options_(std::move(options)) {}
  ~LoadFramework();

  absl::Status Start(absl::Duration limit);

  // Launches what the pace allows by now. Frames do so too, but when it is slow they may not come.
  void Pump();
  // Launches no more; offers that come are kept.
  void StopLaunching() { stopped_ = true; }

  // REQUIRES: Start() succeeded.
  std::string framework_id() const;
  size_t launched() const { return launched_.load(); }
  size_t offers_seen() const { return offers_seen_.load(); }
  size_t running_seen() const { return running_.load(); }
  size_t terminal_seen() const { return terminal_.load(); }
  size_t updates_seen() const { return updates_.load(); }
  size_t failed_seen() const { return failed_.load(); }
  Samples TakeLatencies();          // since the last call
  Samples TakeTerminalLatencies();  // ACCEPT to the terminal update
  std::string last_failure() const;

 private:
  using Stream = rpc::BidiClientStream<meros::v1::scheduler::Calls, meros::v1::scheduler::Events>;

  void OnFrame(meros::v1::scheduler::Events frame);
  void OnOffer(const meros::v1::Offer& offer) MEROS_REQUIRES(launching_);
  void UseOffers(meros::v1::scheduler::Calls* calls) MEROS_REQUIRES(launching_);
  size_t Allowance(absl::Time now) const;  // tasks that may be launched now
  void OnUpdate(const meros::v1::TaskStatus& status, meros::v1::scheduler::Calls* calls)
      MEROS_REQUIRES(launching_);

  struct KeptOffer {
    meros::v1::OfferID id;
    meros::v1::AgentID agent_id;
    double cpus = 0, mem_mb = 0;
  };

  const LoadFrameworkOptions options_;
  std::unique_ptr<meros::v1::scheduler::SchedulerService::Stub> stub_;
  std::shared_ptr<Stream> stream_;
  std::atomic<bool> closed_{true};
  std::atomic<bool> subscribed_{false}, stopped_{false};
  std::atomic<size_t> launched_{0}, running_{0}, terminal_{0}, updates_{0}, failed_{0};
  std::atomic<size_t> offers_seen_{0};
  absl::Time started_;

  mutable Mutex launching_;
  meros::v1::FrameworkID framework_id_ MEROS_GUARDED_BY(launching_);
  absl::btree_map<std::string, KeptOffer> offers_ MEROS_GUARDED_BY(launching_);  // by id
  struct Launched {
    absl::Time at;
    bool running = false;
  };
  absl::flat_hash_map<std::string, Launched> launched_tasks_
      MEROS_GUARDED_BY(launching_);  // that have not ended
  size_t outstanding_ MEROS_GUARDED_BY(launching_) = 0;

  mutable Mutex mutex_;
  Samples latencies_ MEROS_GUARDED_BY(mutex_);
  Samples terminal_latencies_ MEROS_GUARDED_BY(mutex_);
  std::string last_failure_ MEROS_GUARDED_BY(mutex_);
};

}  // namespace meros::bench
