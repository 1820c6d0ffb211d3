// Launch to RUNNING to reaped and removed, on real containers with four namespaces and limits on
// cpu, memory and pids, without the network. Needs root; without it the posix launcher is measured.
//
// Budget (PERFORMANCE T13, T14): 200 launches/s; one launch p50 6 ms, p99 25 ms.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <vector>

#include "libs/runtime/clock.h"
#include "libs/telemetry/log.h"
#include "services/containerizer/shell/container_host.h"
#include "services/containerizer/tests/host_fixture.h"

namespace meros::containerizer {
namespace {

class BenchedHost {
 public:
  BenchedHost() {
    telemetry::SetLogLevel(telemetry::Severity::kError);
    HostOptions options;
    options.runtime_dir = directory_.At("runtime");
    options.cgroups_root = absl::StrCat("meros-benchmark-", ::getpid());
    const char* const binaries = ::getenv("MEROS_BIN_DIR");
    options.init_program = absl::StrCat(binaries == nullptr ? "bin" : binaries, "/meros-init");
    auto host = ContainerHost::Start(options, &metrics_, [this](StreamId, v1::Responses frame) {
      client_.Receive(std::move(frame));
    });
    if (!host.ok()) {
      error_ = std::string(host.status().message());
      return;
    }
    host_ = *std::move(host);
    host_->StreamOpened(1);
    sandbox_ = directory_.Sandbox("all");
  }

  const std::string& error() const { return error_; }

  std::string Launch() {
    const std::string id = absl::StrCat("c", ++launches_);
    v1::Request request;
    request.set_request_id(++request_id_);
    v1::LaunchSpec spec = ShellSpec(id, "", sandbox_);
    spec.mutable_command()->set_shell(false);
    spec.mutable_command()->set_value("/bin/true");
    spec.mutable_resources()->set_cpu_limit_millis(1000);
    *request.mutable_launch()->mutable_spec() = std::move(spec);
    (void)host_->Submit(1, std::move(request));
    return id;
  }
  void AwaitRunning(const std::string& id) { client_.AwaitStarted(id); }
  void AwaitReaped(const std::string& id) {
    client_.AwaitTerminated(id);
    v1::Request request;
    request.set_request_id(++request_id_);
    request.mutable_remove()->set_container_id(id);
    (void)host_->Submit(1, std::move(request));
  }

 private:
  TestDirectory directory_;
  telemetry::MetricRegistry registry_{"containerizer"};
  HostMetrics metrics_{&registry_};
  TestClient client_;
  std::string error_, sandbox_;
  std::unique_ptr<ContainerHost> host_;
  int launches_ = 0;
  uint64_t request_id_ = 0;
};

double Percentile(std::vector<double>* sorted, double fraction) {
  if (sorted->empty()) return 0;
  return (*sorted)[static_cast<size_t>(fraction * static_cast<double>(sorted->size() - 1))];
}

void BM_OneLaunchAfterAnother(benchmark::State& state) {
  BenchedHost host;
  if (!host.error().empty()) return state.SkipWithError(host.error().c_str());
  std::vector<double> running_ms, reaped_ms;
  const auto& clock = runtime::ProcessClock::Get();
  for (auto _ : state) {
    const absl::Time start = clock.Now();
    const std::string id = host.Launch();
    host.AwaitRunning(id);
    running_ms.push_back(absl::ToDoubleMilliseconds(clock.Now() - start));
    host.AwaitReaped(id);
    reaped_ms.push_back(absl::ToDoubleMilliseconds(clock.Now() - start));
  }
  std::sort(running_ms.begin(), running_ms.end());
  std::sort(reaped_ms.begin(), reaped_ms.end());
  state.counters["running_p50_ms"] = Percentile(&running_ms, 0.5);
  state.counters["running_p99_ms"] = Percentile(&running_ms, 0.99);
  state.counters["reaped_p50_ms"] = Percentile(&reaped_ms, 0.5);
  state.counters["reaped_p99_ms"] = Percentile(&reaped_ms, 0.99);
}
BENCHMARK(BM_OneLaunchAfterAnother)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(300);

void BM_LaunchesInParallel(benchmark::State& state) {
  BenchedHost host;
  if (!host.error().empty()) return state.SkipWithError(host.error().c_str());
  const size_t width = static_cast<size_t>(state.range(0));
  std::vector<std::string> flying;
  size_t next = 0;
  for (auto _ : state) {
    if (flying.size() < width) {
      flying.push_back(host.Launch());
      continue;
    }
    host.AwaitReaped(flying[next]);
    flying[next] = host.Launch();
    next = (next + 1) % width;
  }
  for (const std::string& id : flying) host.AwaitReaped(id);
  state.counters["launches_per_second"] =
      benchmark::Counter(static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_LaunchesInParallel)->Arg(8)->Arg(32)->UseRealTime()->Iterations(1000);

}  // namespace
}  // namespace meros::containerizer
