// A rolling upgrade as docs/operating/deploying.md describes it: one service after the other is
// stopped in order and started again, the next one when all are ready: registry, allocator, masters
// (the leading one last), then containerizer and agent of each machine.
//
// Thread rule: thread-compatible.
#pragma once

#include <string>
#include <vector>

#include "libs/base/rng.h"
#include "tests/simulation/cluster.h"

namespace meros::simulation {

class RollingUpgrade {
 public:
  explicit RollingUpgrade(Cluster* cluster)
      : cluster_(*cluster), rng_(cluster->world().MakeRng("upgrade")) {}

  void Start();
  bool is_done() const { return is_done_; }

 private:
  void Plan();
  // Goes on with the next one when the cluster is ready.
  void Continue();
  void Stop(const std::string& node);

  Cluster& cluster_;
  Rng rng_;
  std::vector<std::string> left_;  // the next one last
  bool is_done_ = false;
};

}  // namespace meros::simulation
