// state: the whole listing of a large cluster, and a light call while many clients poll it. idle:
// agents that do nothing but live.
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/status.h"
#include "tests/bench/filled_cluster.h"
#include "tests/bench/listings.h"

namespace meros::bench {
namespace {

namespace pb = ::meros::v1::master;

// Times of a light call, `seconds` long.
absl::StatusOr<Samples> LightCalls(pb::MasterService::Stub* stub, double seconds) {
  Samples samples;
  const absl::Time end = Now() + absl::Seconds(seconds);
  while (Now() < end) {
    const absl::Time start = Now();
    grpc::ClientContext context;
    pb::GetMasterResponse response;
    MEROS_RETURN_IF_ERROR(rpc::FromGrpc(stub->GetMaster(&context, {}, &response)));
    samples.Add(Now() - start);
    usleep(5000);
  }
  return samples;
}

std::map<std::string, ProcessUsage> Growth(const std::map<std::string, ProcessUsage>& before,
                                           std::map<std::string, ProcessUsage> after) {
  for (auto& [name, usage] : after) usage.cpu_seconds -= before.at(name).cpu_seconds;
  return after;
}

// What one listing took.
struct Cost {
  absl::Duration whole;
  double master_cpu = 0;  // seconds
  double client_cpu = 0;
};

// `list` is called once; it says with a status whether it succeeded.
template <typename List>
absl::StatusOr<Cost> CostOf(FilledCluster* cluster, List list) {
  Cost cost;
  const double master = cluster->Usage().at("master").cpu_seconds;
  const double client = UsageOf(getpid()).cpu_seconds;
  const absl::Time start = Now();
  MEROS_RETURN_IF_ERROR(list());
  cost.whole = Now() - start;
  cost.master_cpu = cluster->Usage().at("master").cpu_seconds - master;
  cost.client_cpu = UsageOf(getpid()).cpu_seconds - client;
  return cost;
}

std::string ToText(const Cost& cost) {
  return absl::StrCat(absl::ToInt64Milliseconds(cost.whole), " ms; CPU seconds: master ",
                      cost.master_cpu, ", client ", cost.client_cpu);
}

}  // namespace

absl::StatusOr<Report> RunState(Options* options) {
  FilledClusterOptions shape;
  shape.agents = static_cast<int>(options->Get("agents", 10000));
  shape.tasks = static_cast<int>(options->Get("tasks", 100000));
  shape.labels = static_cast<int>(options->Get("labels", 10));
  const int pollers = static_cast<int>(options->Get("pollers", 20));
  const double seconds = options->Get("seconds", 10);
  testing::TempDir directory;
  FilledCluster cluster(shape);
  MEROS_RETURN_IF_ERROR(cluster.Start());
  MEROS_RETURN_IF_ERROR(cluster.Fill());
  const auto channel = cluster.Channel(0);
  const auto stub = pb::MasterService::NewStub(channel);
  MEROS_RETURN_IF_ERROR(ListAll(channel).status());  // connections and pools
  const auto before = cluster.Usage();
  Listed listed;
  MEROS_ASSIGN_OR_RETURN(const Cost parsed, CostOf(&cluster, [&]() -> absl::Status {
                           MEROS_ASSIGN_OR_RETURN(listed, ListAll(channel));
                           return absl::OkStatus();
                         }));
  size_t bytes = 0;
  MEROS_ASSIGN_OR_RETURN(const Cost received, CostOf(&cluster, [&]() -> absl::Status {
                           MEROS_ASSIGN_OR_RETURN(bytes, ReceiveAll(channel));
                           return absl::OkStatus();
                         }));

  Report report;
  constexpr double kStart = 1;  // until all of them read
  MEROS_ASSIGN_OR_RETURN(const auto polling,
                         StartListings(cluster.cluster().master_address(), pollers,
                                       seconds + kStart, directory.path()));
  usleep(static_cast<useconds_t>(kStart * 1e6));
  MEROS_ASSIGN_OR_RETURN(report.latencies, LightCalls(stub.get(), seconds));
  MEROS_ASSIGN_OR_RETURN(const size_t listings, FinishListings(polling.get()));
  report.value = absl::ToDoubleMilliseconds(parsed.whole);
  report.unit = "ms";
  report.n = listed.tasks;
  report.servers = Growth(before, cluster.Usage());
  report.notes["agents"] = "simulated agents over real gRPC, plaintext, loopback";
  report.notes["value"] = absl::StrCat("one client lists ", listed.agents, " agents and ",
                                       listed.tasks, " tasks, ", bytes >> 20, " MiB");
  report.notes["into messages, which is the value"] = ToText(parsed);
  report.notes["received but not parsed"] = ToText(received);
  report.notes["latencies"] =
      absl::StrCat("GetMaster while ", pollers, " clients list everything; ", listings,
                   " listings in ", seconds + kStart, " s");
  return report;
}

absl::StatusOr<Report> RunIdle(Options* options) {
  FilledClusterOptions shape;
  shape.agents = static_cast<int>(options->Get("agents", 10000));
  shape.tasks = 0;
  const double seconds = options->Get("seconds", 30);
  // Agents beat five times in this.
  shape.master_flags = {"--agent_unreachable_timeout=50s"};
  FilledCluster cluster(shape);
  MEROS_RETURN_IF_ERROR(cluster.Start());
  usleep(10'000'000);  // registrations, first offers
  const auto before = cluster.Usage();
  const absl::Time start = Now();
  usleep(static_cast<useconds_t>(seconds * 1e6));
  const double elapsed = absl::ToDoubleSeconds(Now() - start);

  Report report;
  report.servers = Growth(before, cluster.Usage());
  const double cpu_share = report.servers.at("master").cpu_seconds / elapsed;
  report.value = cpu_share > 0 ? 0.5 * shape.agents / cpu_share : 0;
  report.unit = "agents";
  report.n = static_cast<size_t>(shape.agents);
  report.notes["agents"] = "simulated agents over real gRPC, plaintext, loopback";
  report.notes["value"] =
      absl::StrCat("agents that half a core would hold, in proportion: ", shape.agents,
                   " with a heartbeat every 10 s took ", 100 * cpu_share, " % of one");
  return report;
}

}  // namespace meros::bench
