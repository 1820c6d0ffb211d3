// The operators of a cluster, as one node without a core: now and then they ask something of the
// master that leads, or of another, repeat what has no answer under the same request id, put new
// machines in the place of those that are gone, and in the end undo all that they did.
//
// Thread rule: thread-compatible.
#pragma once

#include <map>
#include <string>

#include "libs/simulation/world.h"
#include "tests/simulation/cluster.h"
#include "tests/simulation/operator_deeds.h"

namespace meros::simulation {

class OperatorNode : public Node {
 public:
  OperatorNode(NodeContext* context, Cluster* cluster);

  void Start() override { Live(); }
  void OnCall(const std::string&, const std::string&) override {}
  void OnStreamOpen(ConnectionId, const std::string&) override {}
  void OnStreamMessage(ConnectionId id, const std::string& bytes) override;
  void OnStreamClosed(ConnectionId id, const absl::Status& reason) override;

  // Whether nothing is left of what operators did, as the leader knows it.
  bool IsDone();

 private:
  struct Open {
    OperatorCall call;
    int tries = 1;
  };

  // What they do by themselves every now and then.
  void Live();
  void Send(OperatorCall call, int tries);
  void ChangeWhitelist();
  void ReplaceGoneMachines(const master::Books& books);

  NodeContext& context_;
  Cluster& cluster_;
  Rng rng_;
  OperatorDeeds deeds_;
  std::map<ConnectionId, Open> open_;
};

}  // namespace meros::simulation
