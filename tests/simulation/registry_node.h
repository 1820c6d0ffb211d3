// The registry as a node: its core between SimNet and SimDisk.
//
// Thread rule: thread-compatible.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "libs/simulation/core_node.h"
#include "libs/simulation/probes.h"
#include "services/registry/core/registry_core.h"
#include "tests/simulation/cluster.h"
#include "tests/simulation/frames.h"

namespace meros::simulation {

class RegistryNode : public CoreNode<registry::RegistryCore> {
 public:
  RegistryNode(NodeContext* context, Cluster* cluster);

  void OnStreamMessage(ConnectionId id, const std::string& bytes) override;
  void OnStreamClosed(ConnectionId id, const absl::Status& reason) override;

 protected:
  void Apply(absl::Time now, Effect effect) override;
  std::string Describe(const Effect& effect) const override;
  void OnBatchApplied(absl::Time now) override;

 private:
  void Write(registry::RegistryCore::Persist persist);

  Cluster& cluster_;
  // Commits that wait for their answer, by stream and request: what an OK promises to keep.
  std::map<std::pair<ConnectionId, uint64_t>, registry::v1::Commit> open_commits_;
  Frames<registry::v1::SessionResponse> frames_;
};

}  // namespace meros::simulation
