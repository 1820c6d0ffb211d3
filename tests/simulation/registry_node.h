// A registry as a node: its core between SimNet and its store, which is its SimDisk or, like that
// of other registries, in the ensemble; then it serves only while the store is its own.
//
// Thread rule: thread-compatible.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "libs/simulation/core_node.h"
#include "libs/simulation/probes.h"
#include "services/registry/core/registry_core.h"
#include "tests/simulation/cluster.h"
#include "tests/simulation/fenced_store.h"
#include "tests/simulation/frames.h"

namespace meros::simulation {

class RegistryNode : public CoreNode<registry::RegistryCore> {
 public:
  RegistryNode(NodeContext* context, Cluster* cluster);

  void Start() override;
  void OnStreamOpen(ConnectionId id, const std::string& from) override { streams_.insert(id); }
  void OnStreamMessage(ConnectionId id, const std::string& bytes) override;
  void OnStreamClosed(ConnectionId id, const absl::Status& reason) override;

 protected:
  void Apply(absl::Time now, Effect effect) override;
  std::string Describe(const Effect& effect) const override;
  void OnBatchApplied(absl::Time now) override;

 private:
  void Write(registry::RegistryCore::Persist persist);
  void Serve(const std::vector<storage::Row>& rows);
  void Retire(const absl::Status& why);

  Cluster& cluster_;
  std::unique_ptr<FencedStore> store_;  // null: the disk
  bool is_serving_ = true;
  std::set<ConnectionId> streams_;
  // Commits that wait for their answer, by stream and request: what an OK promises to keep.
  std::map<std::pair<ConnectionId, uint64_t>, registry::v1::Commit> open_commits_;
  Frames<registry::v1::SessionResponse> frames_;
};

}  // namespace meros::simulation
