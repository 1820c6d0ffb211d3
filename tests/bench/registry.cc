// registry: durable commits per second of the real registry on SQLite, one pipelined session.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "libs/base/mutex.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/bidi_client_stream.h"
#include "libs/rpc/channel.h"
#include "libs/runtime/clock.h"
#include "libs/testing/process.h"
#include "libs/testing/temp_dir.h"
#include "meros/registry/v1/registry_service.grpc.pb.h"
#include "tests/bench/benchmark.h"

namespace meros::bench {
namespace {

using registry::v1::RegistryService;
using registry::v1::Request;
using registry::v1::SessionRequest;
using registry::v1::SessionResponse;

absl::Time Now() { return runtime::ProcessClock::Get().Now(); }

// Keeps a window of commits in flight; each answer starts the next commit.
class Writer {
 public:
  Writer(size_t outstanding, size_t value_bytes)
      : outstanding_(outstanding), value_bytes_(value_bytes) {}

  absl::Status Start(const std::string& address) {
    MEROS_ASSIGN_OR_RETURN(auto channel, rpc::MakeChannel(address, {.insecure = true}));
    stub_ = RegistryService::NewStub(channel);
    stream_ = rpc::BidiClientStream<SessionRequest, SessionResponse>::Create();
    stub_->async()->Session(stream_->context(), stream_->reactor());
    stream_->Start({.on_frame = [this](SessionResponse frame) { OnFrame(frame); },
                    .on_closed =
                        [this](const absl::Status& status) {
                          if (!status.ok()) Fail(status.ToString());
                          closed_ = true;
                        }});
    SessionRequest acquire;
    Request* request = acquire.add_requests();
    request->set_id(++next_id_);
    request->mutable_acquire_lease()->set_candidate_id("bench");
    request->mutable_acquire_lease()->set_ttl_ms(60000);
    stream_->Send(std::move(acquire));
    return absl::OkStatus();
  }

  ~Writer() {
    if (stream_ == nullptr) return;
    stream_->Cancel();
    while (!closed_) usleep(1000);
  }

  size_t committed() const { return committed_; }
  Samples TakeLatencies() {
    MutexLock lock(&mutex_);
    return std::exchange(latencies_, Samples());
  }
  std::string failure() const {
    MutexLock lock(&mutex_);
    return failure_;
  }

 private:
  void OnFrame(const SessionResponse& frame) {
    const absl::Time now = Now();
    size_t done = 0;
    for (const auto& response : frame.responses()) {
      if (response.code() != 0) {
        Fail(response.message());
        continue;
      }
      if (response.has_lease()) {
        epoch_ = response.lease().epoch();
        done += outstanding_;
        continue;
      }
      ++committed_;
      ++done;
      const auto sent = sent_at_.find(response.id());
      if (sent == sent_at_.end()) continue;
      MutexLock lock(&mutex_);
      latencies_.Add(now - sent->second);
      sent_at_.erase(sent);
    }
    SessionRequest next;
    for (size_t i = 0; i < done; ++i) {
      Request* request = next.add_requests();
      request->set_id(++next_id_);
      request->mutable_commit()->set_epoch(epoch_);
      auto* mutation = request->mutable_commit()->add_mutations();
      mutation->mutable_key()->set_kind(registry::v1::RECORD_KIND_AGENT);
      mutation->mutable_key()->set_name(absl::StrCat("agent-", next_id_ % 50000));
      // Each value is new: a put of what is there already is answered without a write.
      std::string* value = mutation->mutable_put();
      *value = absl::StrCat(next_id_, " ");
      value->resize(std::max(value->size(), value_bytes_), 'v');
      sent_at_[next_id_] = now;
    }
    if (done > 0) stream_->Send(std::move(next));
  }

  void Fail(const std::string& text) {
    MutexLock lock(&mutex_);
    failure_ = text;
  }

  const size_t outstanding_;
  const size_t value_bytes_;
  std::unique_ptr<RegistryService::Stub> stub_;
  std::shared_ptr<rpc::BidiClientStream<SessionRequest, SessionResponse>> stream_;
  std::atomic<bool> closed_{false};
  std::atomic<size_t> committed_{0};
  uint64_t next_id_ = 0;  // frames come one at a time
  uint64_t epoch_ = 0;
  absl::flat_hash_map<uint64_t, absl::Time> sent_at_;
  mutable Mutex mutex_;
  Samples latencies_ MEROS_GUARDED_BY(mutex_);
  std::string failure_ MEROS_GUARDED_BY(mutex_);
};

}  // namespace

absl::StatusOr<Report> RunRegistry(Options* options) {
  const double seconds = options->Get("seconds", 5);
  const auto outstanding = static_cast<size_t>(options->Get("outstanding", 1024));
  const auto value_bytes = static_cast<size_t>(options->Get("value_bytes", 300));
  testing::TempDir directory;
  MEROS_ASSIGN_OR_RETURN(
      auto registry, testing::Process::Start(
                         {.name = "registry",
                          .program = testing::BinaryPath("meros-registry"),
                          .arguments = {"--address=127.0.0.1:0", "--insecure", "--metrics_port=0",
                                        "--store=sqlite:" + directory.path() + "/r.db"},
                          .log_dir = directory.path()}));
  MEROS_RETURN_IF_ERROR(registry->WaitReady(absl::Seconds(30)));
  Report report;
  report.fdatasync_p50_ms = MeasureFdatasync(directory.path());
  Writer writer(outstanding, value_bytes);
  MEROS_RETURN_IF_ERROR(writer.Start(registry->address()));
  if (!testing::Eventually(absl::Seconds(10), [&] { return writer.committed() > 0; })) {
    return absl::InternalError(absl::StrCat("no commit: ", writer.failure()));
  }
  usleep(300000);  // warm-up
  writer.TakeLatencies();
  const ProcessUsage before = UsageOf(registry->pid());
  const size_t committed_before = writer.committed();
  const absl::Time start = Now();
  usleep(static_cast<useconds_t>(seconds * 1e6));
  report.n = writer.committed() - committed_before;
  report.value = static_cast<double>(report.n) / absl::ToDoubleSeconds(Now() - start);
  report.unit = "1/s";
  report.latencies = writer.TakeLatencies();
  report.servers["registry"] = UsageOf(registry->pid());
  report.servers["registry"].cpu_seconds -= before.cpu_seconds;
  report.notes["store"] = "SQLite, WAL, synchronous=FULL; plaintext gRPC on loopback";
  if (!writer.failure().empty()) return absl::InternalError(writer.failure());
  return report;
}

}  // namespace meros::bench
