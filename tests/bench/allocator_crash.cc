// allocator-crash: kill -9 of the allocator under a steady stream of launches, again and again,
// with the books of the cluster watched through the master's API. A resource counted twice, a
// resource that never comes back, or a launch without an end makes the benchmark fail; its figure
// is how long offers stayed away.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/channel.h"
#include "libs/testing/local_cluster.h"
#include "libs/testing/temp_dir.h"
#include "meros/v1/master/master_service.grpc.pb.h"
#include "tests/bench/benchmark.h"
#include "tests/bench/load_framework.h"
#include "tests/bench/simulated_agents.h"

namespace meros::bench {
namespace {

using meros::v1::master::AgentView;
using meros::v1::master::MasterService;
using Scalars = std::map<std::string, double>;

Scalars Sum(const google::protobuf::RepeatedPtrField<meros::v1::Resource>& resources,
            Scalars sum = {}) {
  for (const auto& resource : resources) sum[resource.name()] += resource.scalar().value();
  return sum;
}

// What is in use and what is offered, over all agents.
struct Books {
  size_t agents = 0;
  Scalars total, used, offered;
};

// Reads all agents. ERRORS: Internal naming an agent of which more is used and offered than it has.
absl::StatusOr<Books> ReadBooks(MasterService::Stub& stub) {
  Books books;
  meros::v1::master::ListAgentsRequest request;
  do {
    grpc::ClientContext context;
    meros::v1::master::ListAgentsResponse response;
    const grpc::Status status = stub.ListAgents(&context, request, &response);
    if (!status.ok()) return absl::UnavailableError("ListAgents: " + status.error_message());
    for (const AgentView& agent : response.agents()) {
      ++books.agents;
      const Scalars total = Sum(agent.total());
      for (const auto& [name, taken] : Sum(agent.offered(), Sum(agent.used()))) {
        const auto has = total.find(name);
        if (has != total.end() && taken <= has->second + 1e-6) continue;
        return absl::InternalError(absl::StrCat("counted twice: agent ", agent.info().id().value(),
                                                " has ", taken, " ", name,
                                                " used and offered: ", agent.ShortDebugString()));
      }
      books.total = Sum(agent.total(), std::move(books.total));
      books.used = Sum(agent.used(), std::move(books.used));
      books.offered = Sum(agent.offered(), std::move(books.offered));
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  return books;
}

bool Equal(const Scalars& a, const Scalars& b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](auto& x, auto& y) {
           return x.first == y.first && std::abs(x.second - y.second) < 1e-6;
         });
}

// Reads the books without pause on a thread of its own.
class Auditor {
 public:
  explicit Auditor(MasterService::Stub* stub)
      : thread_([this, stub] {
          while (!stopping_ && status_.ok()) {
            status_ = ReadBooks(*stub).status();
            ++audits_;
            usleep(20000);
          }
        }) {}
  ~Auditor() { Finish().IgnoreError(); }

  absl::Status Finish() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
    return status_;
  }
  size_t audits() const { return audits_; }

 private:
  std::atomic<bool> stopping_{false};
  std::atomic<size_t> audits_{0};
  absl::Status status_;  // of the thread until it is joined
  std::thread thread_;
};

// Keeps the framework at its pace.
class Pacer {
 public:
  explicit Pacer(LoadFramework* framework)
      : thread_([this, framework] {
          while (!stopping_) {
            framework->Pump();
            usleep(2000);
          }
        }) {}
  ~Pacer() {
    stopping_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

// Kills the allocator, starts it again at once, and waits for an offer that is its own: those of
// the dead one are over when none came for a while. ERRORS: DeadlineExceeded.
absl::Status KillOnce(testing::LocalCluster& cluster, const LoadFramework& framework,
                      Samples* away) {
  cluster.allocator().Kill();
  const absl::Time killed = Now();
  size_t offers = framework.offers_seen();
  for (absl::Time quiet_since = killed; Now() - quiet_since < absl::Milliseconds(200);) {
    usleep(5000);
    if (framework.offers_seen() != offers) quiet_since = Now();
    offers = framework.offers_seen();
  }
  const absl::Time restarted = Now();
  MEROS_RETURN_IF_ERROR(cluster.RestartAllocator());
  if (!testing::Eventually(absl::Seconds(60), [&] { return framework.offers_seen() > offers; })) {
    return absl::DeadlineExceededError(absl::StrCat(
        "no offers for 60 s after the allocator came back; the framework's last failure: '",
        framework.last_failure(), "'"));
  }
  away->Add(Now() - restarted);
  return absl::OkStatus();
}

// Everything must be free again when nothing runs: a framework that takes nothing is offered it
// all.
absl::Status CheckAllComesBack(const std::string& master, MasterService::Stub& stub) {
  LoadFramework witness({.master = master, .name = "witness", .tasks_max = 0});
  MEROS_RETURN_IF_ERROR(witness.Start(absl::Seconds(30)));
  absl::StatusOr<Books> books = absl::UnknownError("");
  const bool all = testing::Eventually(absl::Seconds(60), [&] {
    books = ReadBooks(stub);
    return !books.ok() || Equal(books->offered, books->total);
  });
  MEROS_RETURN_IF_ERROR(books.status());
  if (all) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("lost: of ", books->total["cpus"], " cpus only ",
                                          books->offered["cpus"], " are offered and ",
                                          books->used["cpus"], " used when nothing runs"));
}

}  // namespace

absl::StatusOr<Report> RunAllocatorCrash(Options* options) {
  const int kills = static_cast<int>(options->Get("kills", 5));
  LoadFrameworkOptions load;
  load.task_cpus = 0.1;
  load.task_mem_mb = 10;
  load.tasks_per_second = options->Get("rate", 5000);
  load.tasks_per_accept_max = 20;
  testing::TempDir directory;
  testing::LocalCluster cluster({.directory = directory.path(), .agents = 0});
  MEROS_RETURN_IF_ERROR(cluster.Start());
  load.master = cluster.master_address();
  MEROS_RETURN_IF_ERROR(WaitForLeader(load.master));
  SimulatedAgents agents({.master = load.master,
                          .agents = static_cast<int>(options->Get("agents", 1000)),
                          .cpus = 16,
                          .mem_mb = 65536,
                          .life_cycle = LifeCycle::kFull});
  MEROS_RETURN_IF_ERROR(agents.Start(absl::Minutes(2)));
  MEROS_ASSIGN_OR_RETURN(auto channel, rpc::MakeChannel(load.master, {.insecure = true}));
  auto stub = MasterService::NewStub(channel);

  Report report;
  {
    LoadFramework framework(load);
    MEROS_RETURN_IF_ERROR(framework.Start(absl::Seconds(30)));
    Pacer pacer(&framework);
    Auditor auditor(stub.get());
    const absl::Time start = Now();
    for (int i = 0; i < kills; ++i) {
      usleep(1000000);  // of undisturbed launching
      MEROS_RETURN_IF_ERROR(KillOnce(cluster, framework, &report.latencies));
    }
    const double elapsed = absl::ToDoubleSeconds(Now() - start);
    framework.StopLaunching();
    report.notes["launched_per_second"] =
        absl::StrCat(static_cast<double>(framework.launched()) / elapsed);
    const auto done = [&] { return framework.terminal_seen() == framework.launched(); };
    const bool all_ended = testing::Eventually(absl::Seconds(60), done);
    MEROS_RETURN_IF_ERROR(auditor.Finish());
    report.notes["tasks"] =
        absl::StrCat(framework.launched(), " launched, ", framework.terminal_seen(), " ended, ",
                     framework.failed_seen(), " of them not FINISHED");
    report.notes["audits"] = absl::StrCat(auditor.audits(), " of every agent's books");
    if (!all_ended || framework.failed_seen() > 0) {
      return absl::InternalError(
          absl::StrCat(report.notes["tasks"], "; the last failure: ", framework.last_failure()));
    }
  }
  MEROS_RETURN_IF_ERROR(CheckAllComesBack(load.master, *stub));
  report.n = report.latencies.size();
  report.value = report.latencies.Percentile(1);
  report.unit = "ms";
  report.notes["value"] = "longest time from starting the allocator again to its first offer";
  report.notes["agents"] = "simulated agents over real gRPC, plaintext, loopback";
  return report;
}

}  // namespace meros::bench
