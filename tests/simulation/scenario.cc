#include "tests/simulation/scenario.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/simulation/probes.h"
#include "tests/simulation/cluster.h"
#include "tests/simulation/master_node.h"
#include "tests/simulation/upgrade.h"

namespace meros::simulation {
namespace {

// How long a cluster may take to do all that is wanted of it once nothing goes wrong any more.
constexpr absl::Duration kProgress = absl::Minutes(10);

// Whether all work is done, and what it took is given back.
bool IsDone(Cluster* cluster) {
  for (const auto& job : cluster->jobs()) {
    if (!job->IsDone()) return false;
  }
  return cluster->IsUnreserved();
}

bool HaveLeft(Cluster* cluster) {
  for (const auto& job : cluster->jobs()) {
    if (!job->has_left) return false;
  }
  return true;
}

// A framework that dies before it has heard its id comes back as another one, and a master waits
// for the first as long as that asked for. Nobody comes for it: an operator ends it.
class Leftovers {
 public:
  explicit Leftovers(Cluster* cluster) : cluster_(*cluster) {}

  // REQUIRES: all jobs have left.
  void TearDown() {
    const MasterNode* leader = cluster_.LeadingNode();
    if (leader == nullptr) return;
    for (const auto& [sequence, framework] : leader->core().books().frameworks.all()) {
      if (framework->is_connected() || framework->is_removing()) continue;
      const FrameworkId& id = framework->record.id;
      if (!told_.emplace(leader->core().epoch(), id).second) continue;
      Sometimes<"a framework that nobody comes for is ended by an operator">(true);
      static_cast<MasterNode*>(cluster_.world().Find(cluster_.Leader()))
          ->Post(master::OperatorTeardown{0, "", id});
    }
  }

 private:
  Cluster& cluster_;
  std::set<std::pair<uint64_t, FrameworkId>> told_;  // by epoch
};

absl::Status Named(const absl::Status& status, absl::string_view what) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(what, ": ", status.message()));
}

// Under load, and no task is to notice. That could not be asked of a cluster in which an agent is
// still paused, or a message held up: what looks ready may be as good as lost.
absl::Status Upgrade(Cluster* cluster) {
  World& world = cluster->world();
  MEROS_RETURN_IF_ERROR(
      Named(world.RunFor(Aftermath(world.faults())), "what has begun before the peace ends"));
  MEROS_RETURN_IF_ERROR(Named(world.RunUntil([&] { return cluster->IsReady(); }, kProgress),
                              "the cluster is ready to be upgraded"));
  for (const auto& job : cluster->jobs()) job->Submit(5);
  RollingUpgrade upgrade(cluster);
  // Where timeouts are short, whoever starts again may come too late.
  cluster->ledger().ExpectPeace(world.faults().knobs.timeout_scale == 1);
  upgrade.Start();
  MEROS_RETURN_IF_ERROR(
      Named(world.RunUntil([&] { return upgrade.is_done(); }, kProgress), "a rolling upgrade"));
  cluster->ledger().ExpectPeace(false);
  return absl::OkStatus();
}

absl::Status Live(Cluster* cluster) {
  World& world = cluster->world();
  Rng rng = world.MakeRng("scenario");
  world.StartChaos();
  cluster->StartReboots();
  MEROS_RETURN_IF_ERROR(world.RunFor(UniformDuration(&rng, absl::Seconds(20), absl::Seconds(120))));
  cluster->CalmDown();
  world.HealAll();
  for (const std::string& registry : cluster->Registries()) {
    world.Crash(registry);  // what it has acknowledged is looked for when it starts
    world.Restart(registry);
  }
  MEROS_RETURN_IF_ERROR(Named(world.RunUntil([&] { return cluster->IsUntouched(); }, kProgress),
                              "operators undo what they did"));
  if (cluster->shape().is_upgraded) MEROS_RETURN_IF_ERROR(Upgrade(cluster));
  MEROS_RETURN_IF_ERROR(
      Named(world.RunUntil([&] { return IsDone(cluster); }, kProgress), "all work is done"));
  for (const auto& job : cluster->jobs()) job->is_finishing = true;
  MEROS_RETURN_IF_ERROR(
      Named(world.RunUntil([&] { return HaveLeft(cluster); }, kProgress), "frameworks leave"));
  Leftovers leftovers(cluster);
  const auto is_empty = [&] {
    leftovers.TearDown();
    return cluster->CheckEmpty().ok();
  };
  MEROS_RETURN_IF_ERROR(Named(world.RunUntil(is_empty, kProgress), "nothing is left"));
  cluster->CheckReaders();
  MEROS_RETURN_IF_ERROR(cluster->ledger().status());
  return cluster->registry_history().Check();
}

}  // namespace

SeedResult RunCluster(uint64_t seed) {
  Cluster cluster(seed);
  SeedResult result;
  result.status = Live(&cluster);
  result.hash = cluster.world().trace().hash();
  result.events = cluster.world().trace().count();
  result.report = absl::StrCat(cluster.world().trace().Tail(), cluster.ToString());
  return result;
}

}  // namespace meros::simulation
