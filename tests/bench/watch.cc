// watch: many subscribers of MasterService.Watch while tasks are launched at a steady rate. A
// change is delivered when its frame has arrived; its time is that of the task's newest status.
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/codegen/proto_buffer_reader.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/mutex.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/packed.h"
#include "libs/testing/local_cluster.h"
#include "libs/testing/temp_dir.h"
#include "meros/v1/master/master_service.grpc.pb.h"
#include "tests/bench/benchmark.h"
#include "tests/bench/load_framework.h"
#include "tests/bench/simulated_agents.h"

namespace meros::bench {
namespace {

namespace pb = ::meros::v1::master;

// How many events a packed WatchResponse has.
size_t EventsIn(grpc::ByteBuffer frame) {
  using google::protobuf::internal::WireFormatLite;
  grpc::ProtoBufferReader bytes(&frame);
  google::protobuf::io::CodedInputStream in(&bytes);
  size_t events = 0;
  while (const uint32_t tag = in.ReadTag()) {
    events += WireFormatLite::GetTagFieldNumber(tag) == pb::WatchResponse::kEventsFieldNumber;
    if (!WireFormatLite::SkipField(&in, tag)) break;
  }
  return events;
}

enum class Reads { kMessages, kBytes };

// One Watch stream. Those that read messages know when their events happened; those that read bytes
// leave the processor to the others.
class Subscriber : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  Subscriber(const std::shared_ptr<grpc::Channel>& channel, Reads reads)
      : stub_(channel), reads_(reads) {}

  void Start() {
    pb::WatchRequest request;
    request.add_kinds(pb::WATCH_TASKS);
    request_ = rpc::BufferOf(request.SerializeAsString());
    stub_.PrepareBidiStreamingCall(&context_, "/meros.v1.master.MasterService/Watch", {}, this);
    StartWriteLast(&request_, grpc::WriteOptions());
    StartRead(&frame_);
    StartCall();
  }
  void Cancel() { context_.TryCancel(); }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    if (counting_) Count();
    StartRead(&frame_);
  }
  void OnDone(const grpc::Status&) override { done_ = true; }

  bool is_done() const { return done_; }
  void Count(bool counting) { counting_ = counting; }
  size_t events() const {
    MutexLock lock(&mutex_);
    return events_;
  }
  size_t frames() const {
    MutexLock lock(&mutex_);
    return frames_;
  }
  Samples latencies() const {
    MutexLock lock(&mutex_);
    return latencies_;
  }

 private:
  void Count() {
    const absl::Duration now = Now() - absl::UnixEpoch();
    MutexLock lock(&mutex_);
    ++frames_;
    if (reads_ == Reads::kBytes) {
      events_ += EventsIn(frame_);
      return;
    }
    const auto frame = rpc::Unpack<pb::WatchResponse>(frame_);
    if (!frame.ok()) return;
    for (const auto& event : frame->events()) {
      ++events_;
      const auto& statuses = event.task().task().statuses();
      if (statuses.empty()) continue;  // launched: the agent has not said anything yet
      latencies_.Add(now - absl::Seconds(statuses.rbegin()->timestamp()));
    }
  }

  grpc::GenericStub stub_;
  const Reads reads_;
  grpc::ClientContext context_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer frame_;
  std::atomic<bool> counting_{false}, done_{false};
  mutable Mutex mutex_;
  size_t events_ MEROS_GUARDED_BY(mutex_) = 0;
  size_t frames_ MEROS_GUARDED_BY(mutex_) = 0;
  Samples latencies_ MEROS_GUARDED_BY(mutex_);
};

// Streams, a hundred on a connection; cancelled and awaited at the end.
class Subscribers {
 public:
  // `parsing` of them read messages.
  absl::Status Start(const std::string& master, int count, int parsing) {
    std::shared_ptr<grpc::Channel> channel;
    for (int i = 0; i < count; ++i) {
      if (i % 100 == 0) {
        MEROS_ASSIGN_OR_RETURN(channel, rpc::MakeChannel(master, {.insecure = true},
                                                         {.connection_group = (1 << 22) + i}));
      }
      // Those that parse are spread over the connections.
      const bool parses = static_cast<int64_t>(i) * parsing / count !=
                          static_cast<int64_t>(i + 1) * parsing / count;
      all_.push_back(
          std::make_unique<Subscriber>(channel, parses ? Reads::kMessages : Reads::kBytes));
      all_.back()->Start();
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
  const int parsing = static_cast<int>(options->Get("parsing", std::min(count, 100)));
  MEROS_RETURN_IF_ERROR(subscribers.Start(master, count, parsing));
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
  const double load_before = UsageOf(getpid()).cpu_seconds;
  subscribers.Count(true);
  run(seconds);
  subscribers.Count(false);
  const double load = UsageOf(getpid()).cpu_seconds - load_before;

  Report report;
  ProcessUsage after = UsageOf(cluster.master().pid());
  after.cpu_seconds -= before.cpu_seconds;
  report.servers["master"] = after;
  size_t cut = 0;
  size_t frames = 0;
  for (const auto& subscriber : subscribers.all()) {
    report.n += subscriber->events();
    report.latencies.Merge(subscriber->latencies());
    cut += subscriber->is_done();
    frames += subscriber->frames();
  }
  report.value = static_cast<double>(report.n) / seconds;
  report.unit = "1/s";
  report.notes["value"] = "events delivered, over all subscribers";
  report.notes["subscribers_cut"] = absl::StrCat(cut);
  report.notes["frames"] = absl::StrCat(frames);
  report.notes["load_cpu_seconds"] =
      absl::StrCat(load, " (agents, framework and subscribers, one process)");
  report.notes["agents"] = "simulated agents over real gRPC, plaintext, loopback";
  report.notes["latencies"] = absl::StrCat("from the agent's update to a subscriber, of the ",
                                           parsing, " that parse what they get");
  return report;
}

}  // namespace meros::bench
