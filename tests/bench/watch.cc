// watch: many subscribers of MasterService.Watch while tasks are launched at a steady rate. A
// change is delivered when its frame has arrived; its time is that of the task's newest status.
#include <unistd.h>

#include <atomic>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/mutex.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/channel.h"
#include "libs/runtime/clock.h"
#include "libs/testing/local_cluster.h"
#include "libs/testing/temp_dir.h"
#include "meros/v1/master/master_service.grpc.pb.h"
#include "tests/bench/benchmark.h"
#include "tests/bench/load_framework.h"
#include "tests/bench/simulated_agents.h"

namespace meros::bench {
namespace {

namespace pb = ::meros::v1::master;

absl::Time Now() { return runtime::ProcessClock::Get().Now(); }

// One Watch stream.
class Subscriber : public grpc::ClientReadReactor<pb::WatchResponse> {
 public:
  void Start(const std::shared_ptr<grpc::Channel>& channel) {
    stub_ = pb::MasterService::NewStub(channel);
    request_.add_kinds(pb::WATCH_TASKS);
    stub_->async()->Watch(&context_, &request_, this);
    StartRead(&frame_);
    StartCall();
  }
  void Cancel() { context_.TryCancel(); }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    const absl::Duration now = Now() - absl::UnixEpoch();
    if (counting_) {
      MutexLock lock(&mutex_);
      for (const auto& event : frame_.events()) {
        ++events_;
        const auto& statuses = event.task().task().statuses();
        if (statuses.empty()) continue;  // launched: the agent has not said anything yet
        latencies_.Add(now - absl::Seconds(statuses.rbegin()->timestamp()));
      }
    }
    StartRead(&frame_);
  }
  void OnDone(const grpc::Status&) override { done_ = true; }

  bool is_done() const { return done_; }
  void Count(bool counting) { counting_ = counting; }
  size_t events() const {
    MutexLock lock(&mutex_);
    return events_;
  }
  Samples latencies() const {
    MutexLock lock(&mutex_);
    return latencies_;
  }

 private:
  grpc::ClientContext context_;
  pb::WatchRequest request_;
  pb::WatchResponse frame_;
  std::unique_ptr<pb::MasterService::Stub> stub_;
  std::atomic<bool> counting_{false}, done_{false};
  mutable Mutex mutex_;
  size_t events_ MEROS_GUARDED_BY(mutex_) = 0;
  Samples latencies_ MEROS_GUARDED_BY(mutex_);
};

// Streams, a hundred on a connection; cancelled and awaited at the end.
class Subscribers {
 public:
  absl::Status Start(const std::string& master, int count) {
    std::shared_ptr<grpc::Channel> channel;
    for (int i = 0; i < count; ++i) {
      if (i % 100 == 0) {
        MEROS_ASSIGN_OR_RETURN(channel, rpc::MakeChannel(master, {.insecure = true},
                                                         {.connection_group = (1 << 22) + i}));
      }
      all_.push_back(std::make_unique<Subscriber>());
      all_.back()->Start(channel);
    }
    return absl::OkStatus();
  }
  ~Subscribers() {
    for (auto& subscriber : all_) subscriber->Cancel();
    for (auto& subscriber : all_) {
      while (!subscriber->is_done()) usleep(1000);
    }
  }
  void Count(bool counting) {
    for (auto& subscriber : all_) subscriber->Count(counting);
  }
  const std::vector<std::unique_ptr<Subscriber>>& all() const { return all_; }

 private:
  std::vector<std::unique_ptr<Subscriber>> all_;
};

}  // namespace

absl::StatusOr<Report> RunWatch(Options* options) {
  const int count = static_cast<int>(options->Get("subscribers", 100));
  const double rate = options->Get("rate", 1000);
  const double seconds = options->Get("seconds", 10);
  testing::TempDir directory;
  testing::LocalCluster cluster({.directory = directory.path(), .agents = 0});
  MEROS_RETURN_IF_ERROR(cluster.Start());
  const std::string master = cluster.master_address();
  MEROS_RETURN_IF_ERROR(WaitForLeader(master));
  SimulatedAgents agents({.master = master, .agents = 100});
  MEROS_RETURN_IF_ERROR(agents.Start(absl::Minutes(2)));
  Subscribers subscribers;
  MEROS_RETURN_IF_ERROR(subscribers.Start(master, count));
  // A task makes two events: launched, and running.
  LoadFramework framework(
      {.master = master, .task_cpus = 0.001, .task_mem_mb = 0.1, .tasks_per_second = rate / 2});
  MEROS_RETURN_IF_ERROR(framework.Start(absl::Seconds(30)));
  const auto run = [&](double length) {
    const absl::Time end = Now() + absl::Seconds(length);
    while (Now() < end) {
      framework.Pump();
      usleep(2000);
    }
  };
  run(2);  // connections, first offers
  const ProcessUsage before = UsageOf(cluster.master().pid());
  subscribers.Count(true);
  run(seconds);
  subscribers.Count(false);

  Report report;
  ProcessUsage after = UsageOf(cluster.master().pid());
  after.cpu_seconds -= before.cpu_seconds;
  report.servers["master"] = after;
  size_t cut = 0;
  for (const auto& subscriber : subscribers.all()) {
    report.n += subscriber->events();
    report.latencies.Merge(subscriber->latencies());
    cut += subscriber->is_done();
  }
  report.value = static_cast<double>(report.n) / seconds;
  report.unit = "1/s";
  report.notes["value"] = "events delivered, over all subscribers";
  report.notes["subscribers_cut"] = absl::StrCat(cut);
  report.notes["agents"] = "simulated agents over real gRPC, plaintext, loopback";
  report.notes["latencies"] = "from the agent's update to the subscriber";
  return report;
}

}  // namespace meros::bench
