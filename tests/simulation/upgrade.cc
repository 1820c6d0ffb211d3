#include "tests/simulation/upgrade.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/simulation/probes.h"
#include "tests/simulation/master_node.h"

namespace meros::simulation {

void RollingUpgrade::Start() {
  Plan();
  Continue();
}

void RollingUpgrade::Plan() {
  const Shape& shape = cluster_.shape();
  const std::string leader = cluster_.Leader();
  std::vector<std::string> order = cluster_.Registries();
  order.push_back(Cluster::kAllocator);
  for (int i = 0; i < shape.masters; ++i) {
    const std::string master = Cluster::NodeOf(cluster_.MasterAddress(i));
    if (master != leader) order.push_back(master);
  }
  order.push_back(leader);
  for (int i = 1; i <= shape.agents; ++i) {
    order.push_back(absl::StrCat("containerizer-", i));
    order.push_back(absl::StrCat("agent-", i));
  }
  left_.assign(order.rbegin(), order.rend());
}

void RollingUpgrade::Continue() {
  World& world = cluster_.world();
  if (!cluster_.IsReady()) {
    world.events().After(absl::Milliseconds(50), [this] { Continue(); });
    return;
  }
  if (left_.empty()) {
    Sometimes<"a rolling upgrade comes to its end">(true);
    is_done_ = true;
    return;
  }
  const std::string node = left_.back();
  left_.pop_back();
  Stop(node);
}

// Masters give their lease back before they end; of others a crash is the worst kind of stop.
void RollingUpgrade::Stop(const std::string& node) {
  World& world = cluster_.world();
  absl::Duration pause = absl::ZeroDuration();
  if (absl::StartsWith(node, "master-")) {
    static_cast<MasterNode*>(world.Find(node))->Post(master::Stop{});
    pause = cluster_.Scaled(absl::Milliseconds(200));
  }
  world.events().After(pause, [this, node] {
    cluster_.world().Crash(node);
    const absl::Duration down =
        UniformDuration(&rng_, absl::Milliseconds(10), cluster_.Scaled(absl::Seconds(2)));
    cluster_.world().events().After(down, [this, node] {
      cluster_.world().Restart(node);
      Continue();
    });
  });
}

}  // namespace meros::simulation
