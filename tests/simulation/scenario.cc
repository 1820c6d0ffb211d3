#include "tests/simulation/scenario.h"

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "tests/simulation/cluster.h"

namespace meros::simulation {
namespace {

// How long a cluster may take to do all that is wanted of it once nothing goes wrong any more.
constexpr absl::Duration kProgress = absl::Minutes(10);

// Whether all work is done.
bool IsDone(Cluster* cluster) {
  for (const auto& job : cluster->jobs()) {
    if (!job->IsDone()) return false;
  }
  return true;
}

bool HaveLeft(Cluster* cluster) {
  for (const auto& job : cluster->jobs()) {
    if (!job->has_left) return false;
  }
  return true;
}

absl::Status Named(const absl::Status& status, absl::string_view what) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(what, ": ", status.message()));
}

absl::Status Live(Cluster* cluster) {
  World& world = cluster->world();
  Rng rng = world.MakeRng("scenario");
  world.StartChaos();
  cluster->StartReboots();
  MEROS_RETURN_IF_ERROR(world.RunFor(UniformDuration(&rng, absl::Seconds(20), absl::Seconds(120))));
  cluster->CalmDown();
  world.HealAll();
  world.Crash(Cluster::kRegistry);  // what it has acknowledged is looked for when it starts
  world.Restart(Cluster::kRegistry);
  MEROS_RETURN_IF_ERROR(
      Named(world.RunUntil([&] { return IsDone(cluster); }, kProgress), "all work is done"));
  for (const auto& job : cluster->jobs()) job->is_finishing = true;
  MEROS_RETURN_IF_ERROR(
      Named(world.RunUntil([&] { return HaveLeft(cluster); }, kProgress), "frameworks leave"));
  return Named(world.RunUntil([&] { return cluster->CheckEmpty().ok(); }, kProgress),
               "nothing is left");
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
