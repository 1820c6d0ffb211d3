// failover: a leader dies, and its successor learns of all agents and tasks. The clock starts when
// the successor leads (`election` measures what is before that) and stops when every agent is
// registered again, every task is in the listing, the framework has subscribed, and its history
// holds as much as it may of what agents remember.
//
// When the clock starts agents have nothing (--warm=0), connections (1), or streams on which they
// wait at the successor (2), as agents do while masters elect (docs/adr/0013). On machines of their
// own they open them in the time that an election takes; here that takes longer, so the lease is
// made as long (and a leader that is late to renew it is not noticed).
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
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

}  // namespace

absl::StatusOr<Report> RunFailover(Options* options) {
  FilledClusterOptions shape;
  shape.masters = 2;
  shape.agents = static_cast<int>(options->Get("agents", 10000));
  shape.tasks = static_cast<int>(options->Get("tasks", 100000));
  shape.labels = static_cast<int>(options->Get("labels", 10));
  shape.ended = static_cast<int64_t>(options->Get("history", 0));
  const auto warm = static_cast<int>(options->Get("warm", 1));
  if (warm > 2) return absl::InvalidArgumentError("--warm: want 0, 1 or 2");
  if (warm == 2) shape.master_flags = {"--lease_ttl=30s", "--leader_wait=1m"};
  FilledCluster cluster(shape);
  MEROS_RETURN_IF_ERROR(cluster.Start());
  const std::string successor = cluster.cluster().master_address(1);
  const HeldTasks held = cluster.Held();
  const auto stub = cluster.Stub(1);

  cluster.agents().Prepare(held);
  cluster.cluster().master(0).Kill();
  if (warm > 0) MEROS_RETURN_IF_ERROR(cluster.agents().Warm(successor));
  if (warm == 2) {
    cluster.agents().WaitAt(cluster.cluster().master_address(0));
    usleep(3000000);  // what was sent last arrives
    if (cluster.agents().lost_streams() > 0) {
      return absl::FailedPreconditionError(
          absl::StrCat("agents do not wait at the successor: ", cluster.agents().last_loss()));
    }
    if (WaitForLeader(successor, absl::ZeroDuration()).ok()) {
      return absl::FailedPreconditionError("the successor led before all streams were open");
    }
  }
  const auto before = cluster.Usage();
  MEROS_RETURN_IF_ERROR(WaitForLeader(successor, absl::Minutes(1)));
  MEROS_ASSIGN_OR_RETURN(const absl::Time led_since, LedSince(stub.get()));
  // Those that wait are served before this process hears of the new leader.
  const absl::Time start = warm == 2 ? led_since : Now();
  LoadFramework framework(
      LoadFrameworkOptions{.master = successor, .framework_id = held.framework_id});
  framework.StopLaunching();
  MEROS_RETURN_IF_ERROR(framework.Start(absl::Minutes(1)));
  MEROS_RETURN_IF_ERROR(warm == 2 ? cluster.agents().AwaitRegistered(absl::Minutes(5))
                                  : cluster.agents().Move(successor, held, absl::Minutes(5)));
  const double registered = absl::ToDoubleSeconds(Now() - start);
  MEROS_RETURN_IF_ERROR(AwaitTasks(
      stub.get(), static_cast<size_t>(held.per_agent) * shape.agents,
      std::min<size_t>(kHistoryMax, static_cast<size_t>(held.ended_per_agent) * shape.agents)));

  Report report;
  report.value = absl::ToDoubleSeconds(Now() - start);
  report.unit = "s";
  report.n = static_cast<size_t>(shape.agents);
  report.latencies = cluster.agents().RegisteredAfter(start);
  report.servers = cluster.Usage();
  report.servers.erase("master");
  for (auto& [name, usage] : report.servers) usage.cpu_seconds -= before.at(name).cpu_seconds;
  report.notes["agents"] =
      "simulated agents over real gRPC, plaintext, loopback; their reports are packed beforehand";
  constexpr const char* kWarm[] = {"connections are opened when the successor leads",
                                   "connections are open before the successor leads",
                                   "agents wait on their streams before the successor leads"};
  report.notes["warm"] = kWarm[warm];
  report.notes["latencies"] = "ms from the successor's leading to an agent's registration";
  report.notes["agents_registered_after_seconds"] = absl::StrCat(registered);
  if (const size_t lost = cluster.agents().lost_streams(); lost > 0) {
    report.notes["streams_lost"] = absl::StrCat(lost, ", last: ", cluster.agents().last_loss());
  }
  return report;
}

}  // namespace meros::bench
