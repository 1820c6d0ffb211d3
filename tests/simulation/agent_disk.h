// What an agent's shell does on disk for its core besides records, one thing after the other:
// directories of volumes, which are keys of the node's SimDisk, and sandboxes.
//
// Thread rule: thread-compatible.
#pragma once

#include <deque>
#include <functional>
#include <string>

#include "libs/base/rng.h"
#include "services/agent/core/effects.h"
#include "services/agent/core/inputs.h"
#include "tests/simulation/cluster.h"

namespace meros::simulation {

class AgentDisk {
 public:
  static constexpr char kWorkDir[] = "/w";

  // `post` takes the answers.
  AgentDisk(NodeContext* context, Cluster* cluster, std::function<void(agent::Input)> post);

  void Change(agent::ChangeVolumes change);
  void Prepare(agent::PrepareSandbox prepare);

  // Whether a key of the disk is a directory, not a record of the agent.
  static bool IsDirectory(const std::string& key) { return key.front() == '/'; }

 private:
  void Enqueue(std::function<void()> work);
  void RunNext();
  void Finish(agent::Input answer);
  void Perform(const agent::ChangeVolumes& change);
  void Perform(const agent::PrepareSandbox& prepare);

  NodeContext& context_;
  Cluster& cluster_;
  const std::function<void(agent::Input)> post_;
  Rng rng_;
  std::deque<std::function<void()>> work_;  // the first is under way
};

}  // namespace meros::simulation
