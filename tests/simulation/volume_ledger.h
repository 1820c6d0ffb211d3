// What was seen of operations and volumes, and what must never be false about them: resources are
// converted, never made or lost; an operation has one end; a volume that an agent said it had made
// is on its disk until somebody asks to destroy it, nobody deletes it under a task, and only shared
// ones have several tasks at a time.
//
// Volumes go by their directories: no simulated volume has the name of an earlier one.
//
// Thread rule: thread-compatible.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "libs/resources/resources.h"
#include "meros/agent_link/v1/agent_link.pb.h"
#include "meros/v1/operation.pb.h"
#include "services/agent/core/agent_core.h"
#include "services/agent/core/volumes.h"
#include "services/master/core/master_core.h"
#include "tests/simulation/ledger.h"

namespace meros::simulation {

class VolumeLedger {
 public:
  // `configured` is what every agent has, before anything is reserved.
  VolumeLedger(const resources::Resources& configured, Ledger* ledger)
      : configured_(configured.Quantities()), ledger_(*ledger) {}

  // ---- Who asks ----
  void OnDestroyAsked(const resources::Resources& volumes);
  // Somebody hears of his operation; operators of theirs have no name.
  void OnTold(const std::string& framework, const v1::OperationStatus& status);

  // ---- Agents, by the name of their node ----
  // It starts with nothing on its disk.
  void OnDiskEmpty(const std::string& node);
  void OnUpdate(const std::string& node, const agent_link::v1::OperationUpdate& update);
  void OnDeleted(const std::string& node, const std::string& directory);
  // A task shall run on volumes. False if one does not exist: it was not made after all, or is
  // destroyed. `disk` is what a crash would leave.
  bool OnSandbox(const std::map<std::string, std::string>& disk, const std::string& container,
                 const std::vector<agent::VolumeLink>& links);
  void OnAgentBatch(const std::string& node, const agent::AgentCore& core,
                    const std::map<std::string, std::string>& disk);

  // ---- Masters ----
  void OnMasterBatch(const std::string& node, const master::MasterCore& core);

 private:
  // What operations of this name were told to have come to.
  using OperationKey = std::pair<std::string, std::string>;  // framework, name

  bool IsKept(const std::string& directory) const;
  void OnUsed(const agent::VolumeLink& link, const std::string& container);
  void CheckAmounts(const std::string& node, const resources::Resources& total);
  // Whether all kept volumes of the node are in `total`.
  void CheckHas(const std::string& who, const std::string& node, const resources::Resources& total);

  const resources::ResourceQuantities configured_;
  Ledger& ledger_;
  std::map<std::string, std::string> node_of_;  // of directories that were made, and not lost
  std::set<std::string> destroy_asked_;         // directories
  std::map<std::string, std::vector<std::string>> containers_of_;  // by directory
  std::map<OperationKey, v1::OperationState> said_;                // by agents
  std::map<OperationKey, v1::OperationState> ends_;                // as heard
};

}  // namespace meros::simulation
