// An agent as a node: its core, a store on SimDisk, the stream to its containerizer and the one to
// a master, each dialled again when it ends, as the production shell does.
//
// Thread rule: thread-compatible.
#pragma once

#include <string>
#include <vector>

#include "libs/runtime/backoff.h"
#include "libs/runtime/leader_search.h"
#include "libs/simulation/core_node.h"
#include "libs/simulation/probes.h"
#include "services/agent/core/agent_core.h"
#include "services/agent/core/testing/effect_text.h"
#include "tests/simulation/agent_disk.h"
#include "tests/simulation/cluster.h"
#include "tests/simulation/frames.h"

namespace meros::simulation {

class AgentNode : public CoreNode<agent::AgentCore> {
 public:
  // `containerizer` names the node beside it.
  AgentNode(NodeContext* context, Cluster* cluster, std::string containerizer);

  void Start() override;
  void OnStreamMessage(ConnectionId id, const std::string& bytes) override;
  void OnStreamClosed(ConnectionId id, const absl::Status& reason) override;

 protected:
  void Apply(absl::Time now, Effect effect) override;
  std::string Describe(const Effect& effect) const override;
  void OnBatchApplied(absl::Time now) override;

 private:
  void DialContainerizer();
  void DialMaster();
  void OpenLink();
  void CloseLink(const agent::CloseLink& closing);
  void Perform(Effect effect);
  void Send(const agent::ToMaster& message);
  // As Committer: one commit for all that waits, then what waited for it.
  void CommitNext();
  void OnCommitted();
  void Exit();

  Cluster& cluster_;
  const std::string containerizer_;
  Rng rng_;

  AgentDisk disk_;

  ConnectionId session_ = 0;  // to the containerizer; 0: none
  runtime::Backoff containerizer_backoff_;
  ConnectionId link_ = 0;  // to a master; 0: none
  runtime::LeaderSearch search_;

  std::vector<Effect> waiting_;  // for the next commit
  std::vector<Effect> committing_;
  SimDisk::Writes writes_;  // under way, kept for another try
  bool is_committing_ = false;

  Frames<agent_link::v1::AgentFrame> to_master_;
  Frames<containerizer::v1::Requests> to_containerizer_;
  mutable agent::EffectText text_;
};

}  // namespace meros::simulation
