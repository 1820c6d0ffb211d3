// election: kill -9 of the leader to the first write that its successor has accepted, which is in
// the registry then. Leaders are killed at random moments of their lease.
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/rng.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/channel.h"
#include "libs/runtime/random_seed.h"
#include "libs/testing/local_cluster.h"
#include "libs/testing/temp_dir.h"
#include "meros/v1/master/master_service.grpc.pb.h"
#include "tests/bench/benchmark.h"

namespace meros::bench {
namespace {

namespace pb = ::meros::v1::master;

constexpr int kMasters = 3;
constexpr absl::Duration kPatience = absl::Minutes(1);

class Electorate {
 public:
  explicit Electorate(absl::Duration lease_ttl)
      : cluster_({.directory = directory_.path(),
                  .masters = kMasters,
                  .agents = 0,
                  .master_flags = {"--lease_ttl=" + absl::FormatDuration(lease_ttl)}}) {}

  absl::Status Start() {
    MEROS_RETURN_IF_ERROR(cluster_.Start());
    for (int i = 0; i < kMasters; ++i) {
      MEROS_ASSIGN_OR_RETURN(auto channel,
                             rpc::MakeChannel(cluster_.master_address(i), {.insecure = true}));
      stubs_.push_back(pb::MasterService::NewStub(channel));
    }
    return AwaitWrite().status();
  }

  // Kills the leader; how long nothing could be written.
  absl::StatusOr<absl::Duration> KillLeader() {
    const int victim = leader_;
    const absl::Time killed = Now();
    cluster_.master(victim).Kill();
    MEROS_ASSIGN_OR_RETURN(const absl::Time written, AwaitWrite());
    MEROS_RETURN_IF_ERROR(cluster_.RestartMaster(victim));
    return written - killed;
  }

  std::map<std::string, ProcessUsage> Usage() {
    return {{"registry", UsageOf(cluster_.registry().pid())},
            {"master", UsageOf(cluster_.master(leader_).pid())}};
  }

 private:
  // Asks one after the other until a write is accepted, by whoever leads then.
  absl::StatusOr<absl::Time> AwaitWrite() {
    const absl::Time limit = Now() + kPatience;
    while (Now() < limit) {
      for (int i = 0; i < kMasters; ++i) {
        if (!cluster_.master(i).running() || !Write(i)) continue;
        leader_ = i;
        return Now();
      }
      absl::SleepFor(absl::Milliseconds(2));
    }
    return absl::DeadlineExceededError("no master has accepted a write for a minute");
  }

  bool Write(int master) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(2));
    pb::UpdateWeightsRequest request;
    auto* weight = request.add_weights();
    weight->set_role("bench");
    weight->set_weight(++writes_ % 1000 + 1);
    pb::UpdateWeightsResponse response;
    return stubs_[master]->UpdateWeights(&context, request, &response).ok();
  }

  testing::TempDir directory_;
  testing::LocalCluster cluster_;
  std::vector<std::unique_ptr<pb::MasterService::Stub>> stubs_;
  int leader_ = 0;
  int writes_ = 0;
};

}  // namespace

absl::StatusOr<Report> RunElection(Options* options) {
  const int kills = static_cast<int>(options->Get("kills", 200));
  const absl::Duration ttl = absl::Milliseconds(options->Get("lease_ttl_ms", 1200));
  Electorate electorate(ttl);
  MEROS_RETURN_IF_ERROR(electorate.Start());
  Rng rng(runtime::RandomSeed());
  Report report;
  for (int i = 0; i < kills; ++i) {
    absl::SleepFor(ttl * rng.UniformDouble());
    MEROS_ASSIGN_OR_RETURN(const absl::Duration outage, electorate.KillLeader());
    report.latencies.Add(outage);
  }
  report.n = report.latencies.size();
  report.value = report.latencies.Percentile(0.99) / 1000;
  report.unit = "s";
  report.servers = electorate.Usage();
  report.notes["election"] = absl::StrCat("registry on SQLite, ", kMasters, " masters, no agents");
  report.notes["usage"] = "of the processes that were there at the end, since they started";
  return report;
}

}  // namespace meros::bench
