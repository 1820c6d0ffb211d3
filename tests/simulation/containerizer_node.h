// A containerizer as a node: its production core with a launcher that runs simulated processes on a
// Machine. Work on one container is done one step after another, each taking its time, as the
// production shell's KeyedWorkers do.
//
// Thread rule: thread-compatible.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>

#include "libs/simulation/core_node.h"
#include "libs/simulation/probes.h"
#include "services/containerizer/core/containerizer_core.h"
#include "tests/simulation/cluster.h"
#include "tests/simulation/frames.h"
#include "tests/simulation/machine.h"

namespace meros::simulation {

class ContainerizerNode : public CoreNode<containerizer::ContainerizerCore> {
 public:
  ContainerizerNode(NodeContext* context, Cluster* cluster, Machine* machine);

  void Start() override;
  void OnStreamOpen(ConnectionId id, const std::string& from) override;
  void OnStreamMessage(ConnectionId id, const std::string& bytes) override;
  void OnStreamClosed(ConnectionId id, const absl::Status& reason) override;

 protected:
  void Apply(absl::Time now, Effect effect) override;
  std::string Describe(const Effect& effect) const override;
  void OnBatchApplied(absl::Time now) override;

 private:
  using Step = std::function<void()>;

  // Runs `step` for a container when those before it are done and have taken their time.
  void Enqueue(const std::string& id, Step step);
  void RunNext(const std::string& id);
  void Watch(const std::string& id);
  std::vector<containerizer::RecoveredContainer> Recover();

  void Begin(const containerizer::v1::LaunchSpec& spec);
  void Kill(const ContainerId& id);

  Cluster& cluster_;
  Machine& machine_;
  Rng rng_;
  std::map<std::string, std::deque<Step>> work_;  // the first is under way
  std::map<std::string, bool> is_watched_;
  Frames<containerizer::v1::Responses> frames_;
};

}  // namespace meros::simulation
