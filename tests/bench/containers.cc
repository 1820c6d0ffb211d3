// containers and container-latency: the real containerizer, real containers, over its unix socket.
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "libs/base/mutex.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/bidi_client_stream.h"
#include "libs/rpc/channel.h"
#include "libs/testing/cgroups.h"
#include "libs/testing/process.h"
#include "libs/testing/temp_dir.h"
#include "meros/containerizer/v1/containerizer.grpc.pb.h"
#include "tests/bench/benchmark.h"
#include "tests/bench/crun.h"

namespace meros::bench {
namespace {

using containerizer::v1::ContainerizerService;
using containerizer::v1::Requests;
using containerizer::v1::Response;
using containerizer::v1::Responses;

// Keeps `concurrency` containers in flight, each running `true`; every end starts the next.
class Launcher {
 public:
  Launcher(std::string directory, size_t concurrency, size_t limit)
      : directory_(std::move(directory)), concurrency_(concurrency), limit_(limit) {}

  ~Launcher() {
    if (stream_ == nullptr) return;
    stream_->Cancel();
    while (!closed_) usleep(1000);
  }

  absl::Status Start(const std::string& address) {
    MEROS_ASSIGN_OR_RETURN(auto channel, rpc::MakeChannel(address, {}));
    stub_ = ContainerizerService::NewStub(channel);
    stream_ = rpc::BidiClientStream<Requests, Responses>::Create();
    stub_->async()->Connect(stream_->context(), stream_->reactor());
    stream_->Start({.on_frame = [this](Responses frame) { OnFrame(frame); },
                    .on_closed =
                        [this](const absl::Status& status) {
                          if (!status.ok() && !absl::IsCancelled(status)) Fail(status.ToString());
                          closed_ = true;
                        }});
    Requests list;
    list.add_requests()->mutable_list();
    list.mutable_requests(0)->set_request_id(++requests_);
    stream_->Send(std::move(list));
    return absl::OkStatus();
  }

  size_t ended() const { return ended_; }
  Samples TakeRunning() {
    MutexLock lock(&mutex_);
    return std::exchange(running_, Samples());
  }
  // From the request to the event that it has ended and nothing of it is left.
  Samples TakeWholeLives() {
    MutexLock lock(&mutex_);
    return std::exchange(whole_lives_, Samples());
  }
  std::string failure() const {
    MutexLock lock(&mutex_);
    return failure_;
  }

 private:
  void OnFrame(const Responses& frame) {
    Requests next;
    for (const Response& response : frame.responses()) {
      if (response.code() != 0) Fail(response.message());
      switch (response.body_case()) {
        case Response::kList:
          for (size_t i = 0; i < concurrency_; ++i) AddLaunch(&next);
          break;
        case Response::kStarted: {
          const auto launched = launched_at_.find(response.started().container_id());
          if (launched == launched_at_.end()) break;
          MutexLock lock(&mutex_);
          running_.Add(Now() - launched->second);
          break;
        }
        case Response::kTerminated: {
          const auto& id = response.terminated().container_id();
          if (const auto launched = launched_at_.find(id); launched != launched_at_.end()) {
            MutexLock lock(&mutex_);
            whole_lives_.Add(Now() - launched->second);
          }
          launched_at_.erase(id);
          ++ended_;
          auto* remove = next.add_requests();
          remove->set_request_id(++requests_);
          remove->mutable_remove()->set_container_id(id);
          AddLaunch(&next);
          break;
        }
        default:
          break;
      }
    }
    if (!next.requests().empty()) stream_->Send(std::move(next));
  }

  void AddLaunch(Requests* requests) {
    if (containers_ >= limit_) return;
    const std::string id = absl::StrCat("bench-", getpid(), "-", containers_++);
    auto* request = requests->add_requests();
    request->set_request_id(++requests_);
    auto* spec = request->mutable_launch()->mutable_spec();
    spec->set_container_id(id);
    spec->mutable_command()->set_value("/bin/true");
    spec->set_sandbox_directory(directory_);
    auto* resources = spec->mutable_resources();
    resources->set_cpu_request_millis(100);
    resources->set_cpu_limit_millis(1000);
    resources->set_memory_limit_bytes(64 << 20);
    resources->set_pids_limit(100);
    auto* namespaces = spec->mutable_namespaces();
    namespaces->set_pid(true);
    namespaces->set_mount(true);
    namespaces->set_ipc(true);
    namespaces->set_uts(true);
    launched_at_[id] = Now();
  }

  void Fail(const std::string& text) {
    MutexLock lock(&mutex_);
    failure_ = text;
  }

  const std::string directory_;
  const size_t concurrency_;
  const size_t limit_;
  std::unique_ptr<ContainerizerService::Stub> stub_;
  std::shared_ptr<rpc::BidiClientStream<Requests, Responses>> stream_;
  std::atomic<bool> closed_{false};
  std::atomic<size_t> ended_{0};
  uint64_t requests_ = 0;  // frames come one at a time
  size_t containers_ = 0;
  absl::flat_hash_map<std::string, absl::Time> launched_at_;
  mutable Mutex mutex_;
  Samples running_ MEROS_GUARDED_BY(mutex_);
  Samples whole_lives_ MEROS_GUARDED_BY(mutex_);
  std::string failure_ MEROS_GUARDED_BY(mutex_);
};

struct Containerizer {
  testing::TempDir directory;
  std::string cgroups_root = absl::StrCat("meros-bench-", getpid());
  std::unique_ptr<testing::Process> process;
  std::string address;

  ~Containerizer() {
    process.reset();
    testing::RemoveCgroups(cgroups_root);
  }

  absl::Status Start() {
    const std::string sandbox = directory / "sandbox";
    if (mkdir(sandbox.c_str(), 0755) != 0) return absl::InternalError("mkdir sandbox");
    MEROS_ASSIGN_OR_RETURN(
        process, testing::Process::Start(
                     {.name = "containerizer",
                      .program = testing::BinaryPath("meros-containerizer"),
                      .arguments = {"--socket=" + (directory / "c.sock"), "--metrics_port=0",
                                    "--runtime_dir=" + (directory / "runtime"),
                                    "--cgroups_root=" + cgroups_root},
                      .log_dir = directory.path()}));
    address = "unix:" + (directory / "c.sock");
    return process->WaitReady(absl::Seconds(30));
  }
};

std::string Shape() {
  return geteuid() == 0
             ? "pid, mount, ipc and uts namespaces; cpu, memory and pids cgroups; /bin/true"
             : "not root: posix launcher, no namespaces, no cgroups";
}

}  // namespace

absl::StatusOr<Report> RunContainers(Options* options) {
  const double seconds = options->Get("seconds", 5);
  const auto concurrency = static_cast<size_t>(options->Get("concurrency", 8));
  Containerizer server;
  Report report;
  NoteCrun(server.directory.path(), /*n=*/50, &report);
  report.fdatasync_p50_ms = MeasureFdatasync(server.directory.path());
  MEROS_RETURN_IF_ERROR(server.Start());
  Launcher launcher(server.directory / "sandbox", concurrency, SIZE_MAX);
  MEROS_RETURN_IF_ERROR(launcher.Start(server.address));
  usleep(300000);  // warm-up
  launcher.TakeRunning();
  const ProcessUsage before = UsageOf(server.process->pid());
  const size_t ended_before = launcher.ended();
  const absl::Time start = Now();
  usleep(static_cast<useconds_t>(seconds * 1e6));
  report.n = launcher.ended() - ended_before;
  report.value = static_cast<double>(report.n) / absl::ToDoubleSeconds(Now() - start);
  report.unit = "1/s";
  report.latencies = launcher.TakeRunning();
  report.servers["containerizer"] = UsageOf(server.process->pid());
  report.servers["containerizer"].cpu_seconds -= before.cpu_seconds;
  report.notes["shape"] = Shape();
  report.notes["counted"] = "launched, RUNNING, ended, torn down and removed";
  if (report.n == 0)
    return absl::InternalError(absl::StrCat("no container ended: ", launcher.failure()));
  return report;
}

absl::StatusOr<Report> RunContainerLatency(Options* options) {
  const auto n = static_cast<size_t>(options->Get("n", 200));
  Containerizer server;
  Report report;
  NoteCrun(server.directory.path(), n, &report);
  report.fdatasync_p50_ms = MeasureFdatasync(server.directory.path());
  MEROS_RETURN_IF_ERROR(server.Start());
  const ProcessUsage before = UsageOf(server.process->pid());
  Launcher launcher(server.directory / "sandbox", /*concurrency=*/1, n);
  MEROS_RETURN_IF_ERROR(launcher.Start(server.address));
  if (!testing::Eventually(absl::Minutes(2), [&] { return launcher.ended() >= n; })) {
    return absl::InternalError(
        absl::StrCat(launcher.ended(), " of ", n, " containers ended: ", launcher.failure()));
  }
  report.latencies = launcher.TakeRunning();
  report.servers["containerizer"] = UsageOf(server.process->pid());
  report.servers["containerizer"].cpu_seconds -= before.cpu_seconds;
  report.n = report.latencies.size();
  const Samples whole_lives = launcher.TakeWholeLives();
  report.notes["whole_life_ms_p50"] = absl::StrCat(whole_lives.Percentile(0.5));
  report.notes["whole_life_ms_p99"] = absl::StrCat(whole_lives.Percentile(0.99));
  report.value = report.latencies.Percentile(0.5);
  report.unit = "ms";
  report.notes["shape"] = Shape();
  report.notes["counted"] = "from the request on the socket to the event that the command runs";
  return report;
}

}  // namespace meros::bench
