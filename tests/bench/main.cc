// meros-bench NAME [--json] [--option value]: runs one benchmark and prints its figure; `list`
// lists them. Control-plane benchmarks start the real services (from the directory of this program)
// as processes of their own and talk to them over real gRPC on loopback.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "tests/bench/benchmark.h"

namespace meros::bench {

absl::StatusOr<Options> Options::Parse(const std::vector<std::string>& arguments) {
  Options options;
  for (size_t i = 0; i < arguments.size(); ++i) {
    std::string name = arguments[i];
    if (name == "--json") {
      options.json_ = true;
      continue;
    }
    if (name.rfind("--", 0) != 0) {
      return absl::InvalidArgumentError(absl::StrCat("want --option value, got '", name, "'"));
    }
    std::string text;
    const size_t equals = name.find('=');
    if (equals != std::string::npos) {
      text = name.substr(equals + 1);
      name.resize(equals);
    } else if (i + 1 < arguments.size()) {
      text = arguments[++i];
    }
    double value = 0;
    if (!absl::SimpleAtod(text, &value) || !(value >= 0)) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, ": want a number of 0 or more, got '", text, "'"));
    }
    options.given_[name.substr(2)] = value;
  }
  return options;
}

double Options::Get(const std::string& name, double fallback) {
  const auto given = given_.find(name);
  return used_[name] = given == given_.end() ? fallback : given->second;
}

absl::Status Options::CheckAllUsed() const {
  for (const auto& [name, value] : given_) {
    if (used_.count(name) == 0) {
      return absl::InvalidArgumentError(absl::StrCat("no option --", name, " here"));
    }
  }
  return absl::OkStatus();
}

// Of the allocator alone.
std::vector<Benchmark> AllocationBenchmarks() {
  return {
      {"allocate", "T7",
       "one full allocation cycle in the allocator's core; --agents --frameworks --roles --cycles",
       RunAllocate},
      {"allocate-quota", "T7q",
       "roles with quota and one framework each, added one by one, then one cycle; --agents "
       "--frameworks --roles --cycles",
       RunAllocateQuota},
      {"allocate-deep", "T8",
       "a cycle with roles three levels deep, each level with quota; --agents --frameworks --roles "
       "--cycles",
       RunAllocateDeep},
      {"allocate-latency", "T9",
       "resources freed to their offer on the wire, p99; --agents --frameworks --rate --seconds",
       RunAllocateLatency},
      {"allocate-shapes", "",
       "the shapes that the allocator of Mesos is measured with, each as a note; --scale",
       RunAllocateShapes},
  };
}

std::vector<Benchmark> ServiceBenchmarks() {
  return {
      {"launch", "T3",
       "tasks/s from ACCEPT to RUNNING seen and acknowledged; --agents --tasks_per_accept, and "
       "--seconds or --tasks: until so many run (--rest: and the memory of each "
       "so many seconds later); --tls=1: mutual TLS (S7)",
       RunLaunch},
      {"updates", "T5",
       "status updates per CPU second of the master, acknowledged; --agents --tasks --seconds "
       "--tasks_per_accept --whole_life=1: each task is launched and ends; --tls=1 (S7)",
       RunUpdates},
      {"failover", "T1",
       "seconds from a new leader to all agents and tasks known; --agents --tasks --labels "
       "--history (ended ones, T2), --warm: 0: nothing is open before, 1: connections, 2: streams "
       "(--early=0: without reports), 3: connections, from the leader's death",
       RunFailover},
      {"bare-streams", "",
       "seconds that gRPC alone takes for the frames of a fail-over; --agents --report_bytes",
       RunBareStreams},
      {"election", "T12",
       "seconds from kill -9 of the leader to the first accepted write, p99; --kills "
       "--lease_ttl_ms",
       RunElection},
      {"million", "T4", "seconds until so many tasks run; --tasks --agents --tasks_per_accept",
       RunMillion},
      {"state", "T16",
       "ms of a full listing; latencies (T17) of a light call while clients poll it; --agents "
       "--tasks --labels --pollers --seconds",
       RunState},
      {"listings", "",
       "full listings/s of the master at --port that --clients parse for --seconds, at the lowest "
       "priority; `state` starts it beside itself",
       RunListings},
      {"idle", "T6", "agents that half a core of the master holds; --agents --seconds", RunIdle},
      {"watch", "T18",
       "changes delivered to subscribers of Watch, per second; --subscribers --rate --seconds",
       RunWatch},
      {"allocator-crash", "",
       "kill -9 of the allocator under launches, books audited: longest time without offers; "
       "--agents --rate --kills",
       RunAllocatorCrash},
      {"registry", "T10",
       "durable commits/s of the registry on SQLite, as many in flight as are answered within "
       "--p99_ms; --seconds --outstanding",
       RunRegistry},
      {"registry-zk", "T11",
       "the same on a ZooKeeper ensemble of three, beside its raw rate; --seconds --outstanding",
       RunRegistryZooKeeper},
      {"containers", "T13",
       "real containers/s, launched, ended and destroyed; --seconds "
       "--concurrency",
       RunContainers},
      {"container-latency", "T14", "one real container at a time: launch to RUNNING; --n",
       RunContainerLatency},
      {"sequential", "T20", "one real task in flight on a whole real cluster; --seconds",
       RunSequential},
  };
}

const std::vector<Benchmark>& AllBenchmarks() {
  static const auto* const all = [] {
    auto* const both = new std::vector<Benchmark>(ServiceBenchmarks());
    for (Benchmark& benchmark : AllocationBenchmarks()) both->push_back(std::move(benchmark));
    return both;
  }();
  return *all;
}

namespace {

int Usage() {
  std::fprintf(stderr, "usage: meros-bench list | NAME [--json] [--option value]...\n");
  return 2;
}

int Main(int argc, char** argv) {
  if (argc < 2) return Usage();
  // The services to test lie beside this program, unless said otherwise.
  const std::string here = std::filesystem::read_symlink("/proc/self/exe").parent_path().string();
  setenv("MEROS_BIN_DIR", here.c_str(), /*overwrite=*/0);
  const std::string name = argv[1];
  if (name == "list") {
    for (const Benchmark& benchmark : AllBenchmarks()) {
      std::printf("%-18s %-4s %s\n", benchmark.name.c_str(), benchmark.target.c_str(),
                  benchmark.summary.c_str());
    }
    return 0;
  }
  for (const Benchmark& benchmark : AllBenchmarks()) {
    if (benchmark.name != name) continue;
    auto options = Options::Parse({argv + 2, argv + argc});
    if (!options.ok()) {
      std::fprintf(stderr, "meros-bench: %s\n", options.status().ToString().c_str());
      return Usage();
    }
    auto report = benchmark.run(&*options);
    if (report.ok()) {
      const absl::Status unused = options->CheckAllUsed();
      if (!unused.ok()) report = unused;
    }
    if (!report.ok()) {
      std::fprintf(stderr, "meros-bench: %s\n", report.status().ToString().c_str());
      return 1;
    }
    report->metric = name;
    report->parameters = options->used();
    if (!options->json()) std::fputs(report->Text().c_str(), stdout);
    std::printf("%s\n", report->Json().c_str());
    return 0;
  }
  std::fprintf(stderr, "meros-bench: no benchmark is called '%s'\n", name.c_str());
  return Usage();
}

}  // namespace
}  // namespace meros::bench

int main(int argc, char** argv) { return meros::bench::Main(argc, argv); }
