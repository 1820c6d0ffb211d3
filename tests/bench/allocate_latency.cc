// allocate-latency: the real meros-allocator as a process; a master played by this program frees
// resources at a steady rate and takes every proposal at once. Measured is the time from the frame
// that frees to the proposal that offers it, both seen from here, over real gRPC on loopback.
#include <unistd.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/mutex.h"
#include "libs/base/rng.h"
#include "libs/base/status_macros.h"
#include "libs/resources/parse.h"
#include "libs/rpc/bidi_client_stream.h"
#include "libs/rpc/channel.h"
#include "libs/testing/process.h"
#include "libs/testing/temp_dir.h"
#include "libs/wire/resources_proto.h"
#include "meros/allocator/v1/allocator_service.grpc.pb.h"
#include "tests/bench/benchmark.h"

namespace meros::bench {
namespace {

namespace pb = ::meros::allocator::v1;

class FreeingMaster {
 public:
  FreeingMaster(int agents, int frameworks) : agents_(static_cast<size_t>(agents)) {
    wire::ResourcesToProto(*resources::ParseResourcesText("cpus:24;mem:4096;disk:4096"), &total_);
    for (int i = 0; i < frameworks; ++i) frameworks_.push_back(absl::StrCat("framework-", i));
    for (size_t i = 0; i < agents_.size(); ++i) {
      agents_[i].id = absl::StrCat("agent-", i);
      numbers_[agents_[i].id] = i;
    }
  }

  void Start(const std::string& address) {
    channel_ = *rpc::MakeChannel(address, {.insecure = true});
    stub_ = pb::AllocatorService::NewStub(channel_);
    stream_ = Stream::Create();
    stub_->async()->Session(stream_->context(), stream_->reactor());
    stream_->Start({.on_frame = [this](pb::AllocatorFrame frame) { OnFrame(frame); },
                    .on_closed =
                        [this](const absl::Status& status) {
                          MutexLock lock(&mutex_);
                          closed_ = status;
                          is_closed_ = true;
                        }});
    SendSnapshot();
  }
  ~FreeingMaster() {
    if (stream_ == nullptr) return;
    stream_->Cancel();
    testing::Eventually(absl::Seconds(20), [this] {
      MutexLock lock(&mutex_);
      return is_closed_;
    });
  }

  // How many agents are held in whole.
  size_t held() const {
    MutexLock lock(&mutex_);
    return held_;
  }

  // Frees `count` agents of those that are held, in one frame.
  void Free(size_t count, Rng* rng) {
    pb::MasterFrame frame;
    MutexLock lock(&mutex_);
    for (size_t i = 0; i < count; ++i) {
      Agent& agent = agents_[rng->Uniform(0, agents_.size() - 1)];
      if (agent.holder < 0) continue;
      pb::Delta* delta = frame.add_messages()->mutable_delta();
      delta->set_version(++version_);
      Fill(agent, delta->mutable_recover()->mutable_allocation());
      agent.holder = -1;
      agent.freed = Now();
      --held_;
    }
    if (frame.messages_size() > 0) (void)stream_->Send(std::move(frame));
  }

  // ERRORS: that with which the stream ended; Internal if a snapshot was asked for.
  absl::StatusOr<Samples> TakeLatencies() {
    MutexLock lock(&mutex_);
    if (is_closed_) return closed_;
    if (!lost_.empty()) return absl::InternalError("the allocator lost its mirror: " + lost_);
    return std::exchange(latencies_, {});
  }

 private:
  using Stream = rpc::BidiClientStream<pb::MasterFrame, pb::AllocatorFrame>;
  struct Agent {
    std::string id;
    int holder = -1;  // number of a framework
    absl::Time freed = absl::InfinitePast();
  };

  void Fill(const Agent& agent, pb::Allocation* out) const {
    out->set_framework_id(frameworks_[static_cast<size_t>(agent.holder)]);
    out->set_role("*");
    out->set_agent_id(agent.id);
    *out->mutable_resources() = total_;
  }

  void SendSnapshot() {
    pb::MasterFrame frame;
    frame.add_messages()->mutable_hello()->set_master_id("benchmark");
    frame.mutable_messages(0)->mutable_hello()->set_epoch(1);
    frame.add_messages()->mutable_snapshot_begin()->set_version(1);
    const auto flush = [&] {
      if (frame.messages_size() > 1000) (void)stream_->Send(std::exchange(frame, {}));
    };
    for (const std::string& id : frameworks_) {
      auto* state = frame.add_messages()->mutable_delta()->mutable_upsert_framework();
      state->set_framework_id(id);
      state->add_roles("*");
      state->set_active(true);
      flush();
    }
    for (const Agent& agent : agents_) {
      auto* state = frame.add_messages()->mutable_delta()->mutable_upsert_agent();
      state->set_agent_id(agent.id);
      *state->mutable_total() = total_;
      state->set_active(true);
      flush();
    }
    frame.add_messages()->mutable_snapshot_end()->set_version(1);
    (void)stream_->Send(std::move(frame));
  }

  void OnFrame(const pb::AllocatorFrame& frame) {
    const absl::Time now = Now();
    pb::MasterFrame answer;
    MutexLock lock(&mutex_);
    for (const pb::AllocatorMessage& message : frame.messages()) {
      if (message.has_need_snapshot()) lost_ = message.need_snapshot().reason();
      if (!message.has_proposal()) continue;
      const pb::Proposal& proposal = message.proposal();
      Agent& agent = agents_[numbers_.at(proposal.agent_id())];
      agent.holder = std::stoi(proposal.framework_id().substr(10));
      ++held_;
      if (agent.freed != absl::InfinitePast()) latencies_.Add(now - agent.freed);
      answer.add_messages()->mutable_result()->set_proposal_id(proposal.proposal_id());
      pb::Delta* delta = answer.add_messages()->mutable_delta();
      delta->set_version(++version_);
      Fill(agent, delta->mutable_allocate());
      delta->mutable_allocate()->set_proposal_id(proposal.proposal_id());
    }
    if (answer.messages_size() > 0) (void)stream_->Send(std::move(answer));
  }

  std::vector<std::string> frameworks_;
  google::protobuf::RepeatedPtrField<meros::v1::Resource> total_;
  std::map<std::string, size_t> numbers_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<pb::AllocatorService::Stub> stub_;
  std::shared_ptr<Stream> stream_;
  mutable Mutex mutex_;
  std::vector<Agent> agents_ MEROS_GUARDED_BY(mutex_);
  uint64_t version_ MEROS_GUARDED_BY(mutex_) = 1;
  size_t held_ MEROS_GUARDED_BY(mutex_) = 0;
  Samples latencies_ MEROS_GUARDED_BY(mutex_);
  std::string lost_ MEROS_GUARDED_BY(mutex_);
  bool is_closed_ MEROS_GUARDED_BY(mutex_) = false;
  absl::Status closed_ MEROS_GUARDED_BY(mutex_);
};

// Frees `rate` agents a second for `seconds`, one frame each millisecond.
void FreeFor(double seconds, double rate, FreeingMaster* master, Rng* rng) {
  const absl::Time start = Now();
  double sent = 0;
  for (;;) {
    const double elapsed = absl::ToDoubleSeconds(Now() - start);
    if (elapsed >= seconds) return;
    const auto due = static_cast<size_t>(elapsed * rate - sent);
    master->Free(due, rng);
    sent += static_cast<double>(due);
    usleep(1000);
  }
}

}  // namespace

absl::StatusOr<Report> RunAllocateLatency(Options* options) {
  const int agents = static_cast<int>(options->Get("agents", 20'000));
  const int frameworks = static_cast<int>(options->Get("frameworks", 2'000));
  const double rate = options->Get("rate", 5'000);
  const double seconds = options->Get("seconds", 10);
  if (agents < 1 || frameworks < 1) {
    return absl::InvalidArgumentError("agents and frameworks must be at least 1");
  }
  testing::TempDir directory;
  MEROS_ASSIGN_OR_RETURN(
      auto process, testing::Process::Start(
                        {.name = "allocator",
                         .program = testing::BinaryPath("meros-allocator"),
                         .arguments = {"--address=127.0.0.1:0", "--insecure", "--metrics_port=0"},
                         .log_dir = directory.path()}));
  MEROS_RETURN_IF_ERROR(process->WaitReady(absl::Seconds(30)));
  FreeingMaster master(agents, frameworks);
  master.Start(process->address());
  if (!testing::Eventually(absl::Seconds(60),
                           [&] { return master.held() == static_cast<size_t>(agents); })) {
    return absl::DeadlineExceededError("not everything was offered in the beginning");
  }
  Rng rng(1);
  FreeFor(1, rate, &master, &rng);  // warm-up
  MEROS_RETURN_IF_ERROR(master.TakeLatencies().status());
  const ProcessUsage before = UsageOf(process->pid());
  FreeFor(seconds, rate, &master, &rng);
  Report report;
  MEROS_ASSIGN_OR_RETURN(report.latencies, master.TakeLatencies());
  report.servers["allocator"] = UsageOf(process->pid());
  report.servers["allocator"].cpu_seconds -= before.cpu_seconds;
  report.n = report.latencies.size();
  report.value = report.latencies.Percentile(0.99);
  report.unit = "ms";
  report.notes["counted"] = "freed to proposal received, over real gRPC, plaintext, loopback; p99";
  report.notes["agents"] = "simulated, by a simulated master";
  report.notes["offers_per_second"] =
      absl::StrCat(static_cast<int>(static_cast<double>(report.n) / seconds));
  report.notes["reference"] = "Mesos: up to its allocation interval of 1 s";
  return report;
}

}  // namespace meros::bench
