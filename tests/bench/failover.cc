// failover: a leader dies, and its successor learns of all agents and tasks. The clock starts when
// the successor leads (`election` measures what is before that) and stops when every agent is
// registered again, every task is in the listing, the framework has subscribed, and its history
// holds as much as it may of what agents remember.
//
// When the clock starts agents have nothing (--warm=0), connections (1), or streams on which they
// wait at the successor and have reported to it (2; --early=0: not reported), as agents do while
// masters elect (docs/adr/0013, 0015). On machines of their own they do so in the time that an
// election takes; here that takes longer, so the lease is made as long (and a leader that is late
// to renew it is not noticed). With --warm=3 nothing is arranged: connections are open, and the
// clock starts when the leader dies.
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/testing/http_get.h"
#include "tests/bench/filled_cluster.h"

namespace meros::bench {
namespace {

namespace pb = ::meros::v1::master;

// Of a framework, unless a flag says otherwise (max_completed_tasks_per_framework).
constexpr size_t kHistoryMax = 1000;

// The readers' view follows the books: waits until it shows no agent that is missing, all tasks and
// so many ended ones.
absl::Status AwaitTasks(pb::MasterService::Stub* stub, size_t tasks, size_t ended) {
  size_t seen = 0, seen_ended = 0;
  const bool all = testing::Eventually(absl::Minutes(5), [&] {
    grpc::ClientContext context;
    pb::ListFrameworksResponse response;
    if (!stub->ListFrameworks(&context, {}, &response).ok()) return false;
    seen = seen_ended = 0;
    for (const auto& framework : response.frameworks()) {
      seen += framework.tasks_active();
      seen_ended += framework.tasks_completed();
    }
    return seen >= tasks && seen_ended >= ended;
  });
  if (all) return absl::OkStatus();
  return absl::DeadlineExceededError(absl::StrCat(seen, " of ", tasks, " tasks are known, ",
                                                  seen_ended, " of ", ended, " ended ones"));
}

absl::StatusOr<absl::Time> LedSince(pb::MasterService::Stub* stub) {
  grpc::ClientContext context;
  pb::GetMasterResponse response;
  const grpc::Status status = stub->GetMaster(&context, {}, &response);
  if (!status.ok()) return absl::UnavailableError(status.error_message());
  return absl::UnixEpoch() + absl::Seconds(response.elected_time());
}

// How warm the successor is when the clock starts: see above.
enum Warm { kCold, kConnections, kStreams, kFromDeath };
constexpr const char* kWarm[] = {
    "connections are opened when the successor leads",
    "connections are open before the successor leads",
    "agents wait on their streams before the successor leads",
    "connections to all masters are open; the clock starts when the leader dies"};

// How many agents reported to the successor before it led, as it counts them.
std::string EarlyReports(const testing::Process& master) {
  const std::string name = "\nmeros_master_agent_reports_early_total ";
  const std::string served = testing::HttpGet(master.metrics_port(), "/metrics");
  const size_t begin = served.find(name);
  if (begin == std::string::npos) return "unknown";
  const size_t value = begin + name.size();
  return served.substr(value, served.find('\n', value) - value);
}

// All that can be done before the successor leads has been done.
absl::Status AwaitWaiting(FilledCluster* cluster, size_t reports) {
  SimulatedAgents& agents = cluster->agents();
  if (!testing::Eventually(absl::Seconds(20), [&] { return agents.reported() >= reports; })) {
    return absl::DeadlineExceededError(
        absl::StrCat(agents.reported(), " of ", reports, " agents reported to the successor"));
  }
  usleep(3000000);  // what was sent last arrives
  if (agents.lost_streams() > 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("agents do not wait at the successor: ", agents.last_loss()));
  }
  if (WaitForLeader(cluster->cluster().master_address(1), absl::ZeroDuration()).ok()) {
    return absl::FailedPreconditionError("the successor led before all streams were open");
  }
  return absl::OkStatus();
}

// Ends the leader, and returns when the clock is to start.
absl::StatusOr<absl::Time> Fail(FilledCluster* cluster, int warm, bool early, Report* report) {
  const std::string dead = cluster->cluster().master_address(0);
  const std::string successor = cluster->cluster().master_address(1);
  SimulatedAgents& agents = cluster->agents();
  if (warm == kFromDeath) MEROS_RETURN_IF_ERROR(agents.Warm(successor));
  cluster->cluster().master(0).Kill();
  const absl::Time death = Now();
  report->servers = cluster->Usage();
  if (warm < kFromDeath) agents.Leave();
  if (warm == kConnections || warm == kStreams) MEROS_RETURN_IF_ERROR(agents.Warm(successor));
  if (warm >= kStreams) agents.WaitAt(dead);
  if (warm == kStreams) {
    const size_t all = static_cast<size_t>(report->n);
    MEROS_RETURN_IF_ERROR(AwaitWaiting(cluster, early ? all : 0));
  }
  MEROS_RETURN_IF_ERROR(WaitForLeader(successor, absl::Minutes(1)));
  if (warm == kFromDeath) return death;
  // Those that wait are served before this process hears of the new leader.
  return warm == kStreams ? LedSince(cluster->Stub(1).get()) : Now();
}

}  // namespace

absl::StatusOr<Report> RunFailover(Options* options) {
  FilledClusterOptions shape;
  shape.masters = 2;
  shape.agents = static_cast<int>(options->Get("agents", 10000));
  shape.tasks = static_cast<int>(options->Get("tasks", 100000));
  shape.labels = static_cast<int>(options->Get("labels", 10));
  shape.ended = static_cast<int64_t>(options->Get("history", 0));
  const auto warm = static_cast<int>(options->Get("warm", kConnections));
  const bool early = options->Get("early", 1) != 0;
  if (warm < kCold || warm > kFromDeath)
    return absl::InvalidArgumentError("--warm: want 0, 1, 2 or 3");
  if (warm == kStreams) shape.master_flags = {"--lease_ttl=30s", "--leader_wait=1m"};
  if (!early) shape.master_flags.push_back("--max_early_tasks=0");
  FilledCluster cluster(shape);
  MEROS_RETURN_IF_ERROR(cluster.Start());
  const HeldTasks held = cluster.Held();
  cluster.agents().Prepare(held);

  Report report;
  report.n = static_cast<size_t>(shape.agents);
  MEROS_ASSIGN_OR_RETURN(const absl::Time start, Fail(&cluster, warm, early, &report));
  const std::string successor = cluster.cluster().master_address(1);
  LoadFramework framework(
      LoadFrameworkOptions{.master = successor, .framework_id = held.framework_id});
  framework.StopLaunching();
  MEROS_RETURN_IF_ERROR(framework.Start(absl::Minutes(1)));
  MEROS_RETURN_IF_ERROR(warm >= kStreams
                            ? cluster.agents().AwaitRegistered(absl::Minutes(5))
                            : cluster.agents().Move(successor, held, absl::Minutes(5)));
  const double registered = absl::ToDoubleSeconds(Now() - start);
  MEROS_RETURN_IF_ERROR(AwaitTasks(
      cluster.Stub(1).get(), static_cast<size_t>(held.per_agent) * shape.agents,
      std::min<size_t>(kHistoryMax, static_cast<size_t>(held.ended_per_agent) * shape.agents)));

  report.value = absl::ToDoubleSeconds(Now() - start);
  report.unit = "s";
  report.latencies = cluster.agents().RegisteredAfter(start);
  const auto before = std::exchange(report.servers, cluster.Usage());
  report.servers.erase("master");
  for (auto& [name, usage] : report.servers) usage.cpu_seconds -= before.at(name).cpu_seconds;
  report.notes["agents_reported_before"] = EarlyReports(cluster.cluster().master(1));
  report.notes["agents"] =
      "simulated agents over real gRPC, plaintext, loopback; their reports are packed beforehand";
  report.notes["warm"] = kWarm[warm];
  report.notes["latencies"] = "ms from the start of the clock to an agent's registration";
  report.notes["servers"] = "since the leader died";
  report.notes["agents_registered_after_seconds"] = absl::StrCat(registered);
  if (const size_t lost = cluster.agents().lost_streams(); lost > 0) {
    report.notes["streams_lost"] = absl::StrCat(lost, ", last: ", cluster.agents().last_loss());
  }
  return report;
}

}  // namespace meros::bench
