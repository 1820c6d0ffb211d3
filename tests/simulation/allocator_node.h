// The allocator as a node: its core, with the production shell's codecs. It keeps nothing over a
// crash.
//
// Thread rule: thread-compatible.
#pragma once

#include <string>

#include "libs/simulation/core_node.h"
#include "libs/simulation/probes.h"
#include "meros/allocator/v1/allocator_service.pb.h"
#include "services/allocator/core/core.h"
#include "services/allocator/shell/to_wire.h"
#include "tests/simulation/cluster.h"
#include "tests/simulation/frames.h"

namespace meros::simulation {

class AllocatorNode : public CoreNode<allocator::Core> {
 public:
  AllocatorNode(NodeContext* context, Cluster* cluster);

  void OnStreamMessage(ConnectionId id, const std::string& bytes) override;
  void OnStreamClosed(ConnectionId id, const absl::Status& reason) override;

 protected:
  void Apply(absl::Time now, Effect effect) override;
  std::string Describe(const Effect& effect) const override;
  void OnBatchApplied(absl::Time now) override;

 private:
  Cluster& cluster_;
  const allocator::Identity identity_;
  Frames<allocator::v1::AllocatorFrame> frames_;
  std::vector<allocator::CloseStream> closings_;
};

}  // namespace meros::simulation
