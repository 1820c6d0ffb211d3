// launch and updates: the real master, allocator and registry, simulated agents, one framework.
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/channel.h"
#include "libs/testing/certificates.h"
#include "libs/testing/local_cluster.h"
#include "libs/testing/temp_dir.h"
#include "meros/v1/master/master_service.grpc.pb.h"
#include "tests/bench/benchmark.h"
#include "tests/bench/load_framework.h"
#include "tests/bench/simulated_agents.h"

namespace meros::bench {

absl::Status WaitForLeader(const std::string& address, absl::Duration limit,
                           const rpc::TlsOptions& tls) {
  MEROS_ASSIGN_OR_RETURN(auto channel, rpc::MakeChannel(address, tls));
  auto stub = meros::v1::master::MasterService::NewStub(channel);
  const bool leading = testing::Eventually(limit, [&] {
    grpc::ClientContext context;
    meros::v1::master::GetMasterResponse response;
    return stub->GetMaster(&context, {}, &response).ok() && response.leading();
  });
  return leading ? absl::OkStatus() : absl::DeadlineExceededError("the master does not lead");
}

namespace {

std::map<std::string, ProcessUsage> Usage(testing::LocalCluster& cluster) {
  return {{"master", UsageOf(cluster.master().pid())},
          {"allocator", UsageOf(cluster.allocator().pid())},
          {"registry", UsageOf(cluster.registry().pid())}};
}

// CPU grown since `before`; memory as it is now.
std::map<std::string, ProcessUsage> Growth(const std::map<std::string, ProcessUsage>& before,
                                           std::map<std::string, ProcessUsage> after) {
  for (auto& [name, usage] : after) usage.cpu_seconds -= before.at(name).cpu_seconds;
  return after;
}

// What is measured: `seconds` after a warm-up, or, with a number of tasks, until all of these run.
struct Plan {
  size_t warm_tasks = 1;  // run at least before it begins
  size_t until_tasks = 0;
};

// Sleeps through the time that is measured.
absl::Status Await(const LoadFramework& framework, const Plan& plan, double seconds) {
  if (plan.until_tasks == 0) {
    usleep(static_cast<useconds_t>(seconds * 1e6));
    return absl::OkStatus();
  }
  const auto done = [&] { return framework.running_seen() >= plan.until_tasks; };
  if (testing::Eventually(absl::Minutes(5), done)) return absl::OkStatus();
  return absl::DeadlineExceededError(absl::StrCat(framework.running_seen(), " of ",
                                                  plan.until_tasks,
                                                  " tasks ran: ", framework.last_failure()));
}

// How all links are secured: with --tls=1 by mutual TLS.
struct Security {
  std::vector<std::string> flags = {"--insecure"};  // of the services
  rpc::TlsOptions tls = {.insecure = true};
};

absl::StatusOr<Security> SecurityOf(Options* options, const std::string& directory) {
  if (options->Get("tls", 0) == 0) return Security();
  MEROS_RETURN_IF_ERROR(testing::MakeCertificates(directory, "bench"));
  const std::string base = directory + "/bench";
  Security security;
  security.tls = {
      .ca_file = base + ".ca.pem", .cert_file = base + ".pem", .key_file = base + ".key"};
  security.flags = {"--tls_ca=" + security.tls.ca_file, "--tls_cert=" + security.tls.cert_file,
                    "--tls_key=" + security.tls.key_file};
  return security;
}

// What the master keeps of each task: when the last was launched, and `rest` seconds later, when
// what the launching took has been given back.
void NoteMemory(testing::LocalCluster& cluster, double idle_mb, size_t tasks, double rest,
                Report* report) {
  const auto per_task = [&] {
    return absl::StrCat((Usage(cluster).at("master").rss_mb - idle_mb) * (1 << 20) / tasks);
  };
  report->notes["master_bytes_per_running_task"] = per_task();
  if (rest == 0) return;
  usleep(static_cast<useconds_t>(rest * 1e6));
  report->notes["master_bytes_per_running_task_at_rest"] = per_task();
}

// Runs the load as planned and counts.
template <typename Count>
absl::StatusOr<Report> Measure(Options* options, SimulatedAgentsOptions agents_options,
                               LoadFrameworkOptions framework_options, Plan plan, Count count) {
  const double seconds = options->Get("seconds", 10);
  testing::TempDir directory;
  MEROS_ASSIGN_OR_RETURN(const Security security, SecurityOf(options, directory.path()));
  testing::LocalCluster cluster(
      {.directory = directory.path(), .agents = 0, .security_flags = security.flags});
  MEROS_RETURN_IF_ERROR(cluster.Start());
  agents_options.master = framework_options.master = cluster.master_address();
  agents_options.tls = framework_options.tls = security.tls;
  MEROS_RETURN_IF_ERROR(WaitForLeader(cluster.master_address(), absl::Seconds(30), security.tls));
  SimulatedAgents agents(agents_options);
  MEROS_RETURN_IF_ERROR(agents.Start(absl::Minutes(2)));
  LoadFramework framework(framework_options);
  auto usage_before = Usage(cluster);
  const double idle_mb = usage_before.at("master").rss_mb;
  MEROS_RETURN_IF_ERROR(framework.Start(absl::Seconds(30)));
  if (plan.until_tasks == 0) {
    usleep(1000000);  // connections, first offers, allocator's pools
    MEROS_RETURN_IF_ERROR(Await(framework, {.until_tasks = plan.warm_tasks}, seconds));
    framework.TakeLatencies();
    framework.TakeTerminalLatencies();
    usage_before = Usage(cluster);
  }
  const ProcessUsage load_before = UsageOf(getpid());
  const size_t count_before = count(framework);
  const absl::Time start = Now();
  MEROS_RETURN_IF_ERROR(Await(framework, plan, seconds));
  const double elapsed = absl::ToDoubleSeconds(Now() - start);
  const size_t done = count(framework) - count_before;

  Report report;
  report.n = done;
  report.value = static_cast<double>(done) / elapsed;
  report.unit = "1/s";
  report.latencies = framework.TakeLatencies();
  report.servers = Growth(usage_before, Usage(cluster));
  if (plan.until_tasks > 0) {
    NoteMemory(cluster, idle_mb, plan.until_tasks, options->Get("rest", 0), &report);
  }
  report.notes["agents"] =
      absl::StrCat("simulated agents over real gRPC, ",
                   security.tls.insecure ? "plaintext" : "mutual TLS", ", loopback");
  report.notes["load_cpu_seconds"] =
      absl::StrCat(UsageOf(getpid()).cpu_seconds - load_before.cpu_seconds,
                   " (agents and framework, one process)");
  if (framework.failed_seen() > 0) {
    return absl::InternalError(absl::StrCat(framework.failed_seen(),
                                            " tasks failed; the last: ", framework.last_failure()));
  }
  if (done == 0) {
    return absl::InternalError(absl::StrCat("nothing happened; last failure of the framework: '",
                                            framework.last_failure(), "'"));
  }
  return report;
}

}  // namespace

absl::StatusOr<Report> RunLaunch(Options* options) {
  SimulatedAgentsOptions agents;
  agents.agents = static_cast<int>(options->Get("agents", 1000));
  LoadFrameworkOptions framework;
  framework.tasks_per_accept_max = static_cast<size_t>(options->Get("tasks_per_accept", 100));
  framework.task_cpus = 0.001;
  framework.task_mem_mb = 0.1;
  const size_t tasks = static_cast<size_t>(options->Get("tasks", 0));
  if (tasks > 0) framework.tasks_max = tasks;
  return Measure(options, agents, framework, {.until_tasks = tasks},
                 [](const LoadFramework& load) { return load.running_seen(); });
}

absl::StatusOr<Report> RunMillion(Options* options) {
  SimulatedAgentsOptions agents;
  agents.agents = static_cast<int>(options->Get("agents", 10000));
  LoadFrameworkOptions framework;
  framework.tasks_per_accept_max = static_cast<size_t>(options->Get("tasks_per_accept", 100));
  framework.task_cpus = 0.001;
  framework.task_mem_mb = 0.1;
  framework.tasks_max = static_cast<size_t>(options->Get("tasks", 1000000));
  auto report = Measure(options, agents, framework, {.until_tasks = framework.tasks_max},
                        [](const LoadFramework& load) { return load.running_seen(); });
  if (report.ok()) {
    report->notes["tasks_per_second"] = absl::StrCat(report->value);
    report->value = static_cast<double>(report->n) / report->value;
    report->unit = "s";
  }
  return report;
}

absl::StatusOr<Report> RunUpdates(Options* options) {
  SimulatedAgentsOptions agents;
  agents.agents = static_cast<int>(options->Get("agents", 1000));
  const size_t tasks = static_cast<size_t>(options->Get("tasks", 20000));
  const bool whole_life = options->Get("whole_life", 0) != 0;
  agents.life_cycle = whole_life ? LifeCycle::kFull : LifeCycle::kUpdates;
  LoadFrameworkOptions framework;
  framework.tasks_per_accept_max = static_cast<size_t>(options->Get("tasks_per_accept", 100));
  framework.task_cpus = 0.001;
  framework.task_mem_mb = 0.1;
  framework.latency = Latency::kOfUpdates;
  framework.outstanding_max = tasks;
  if (!whole_life) framework.tasks_max = tasks;
  auto report = Measure(options, agents, framework, {.warm_tasks = tasks},
                        [](const LoadFramework& load) { return load.updates_seen(); });
  if (report.ok()) {
    const double master_cpu = report->servers["master"].cpu_seconds;
    report->notes["wall_rate"] = absl::StrCat(report->value, " 1/s");
    // The target is per server core: what one core of the master does.
    if (master_cpu > 0) report->value = static_cast<double>(report->n) / master_cpu;
    report->notes["value"] = "updates per CPU second of the master";
    report->notes["counted"] = whole_life
                                   ? "each task is offered, launched and ends: two updates"
                                   : "updates of running tasks, one at a time of each, from agent "
                                     "to framework, acknowledgement back to the agent";
  }
  return report;
}

}  // namespace meros::bench
