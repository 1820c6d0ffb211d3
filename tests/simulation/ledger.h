// What has been seen of the whole cluster, and what must never be false about it. Nodes report what
// they do at the moment when others can see it; the ledger is outside of the cluster, forgets
// nothing and is told the truth.
//
// Thread rule: thread-compatible.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "libs/base/ids.h"
#include "libs/resources/resources.h"
#include "meros/agent_link/v1/agent_link.pb.h"
#include "meros/containerizer/v1/containerizer.pb.h"
#include "meros/v1/scheduler/scheduler.pb.h"
#include "services/master/core/master_core.h"
#include "services/registry/core/registry_core.h"

namespace meros::simulation {

class Ledger {
 public:
  // The first failure counts; the run ends after the event in which it happened.
  void Fail(const std::string& what);
  const absl::Status& status() const { return status_; }

  // ---- Registry: an acknowledged write is never lost; one holder per epoch. ----
  // In the order of revisions, unless other registries serve the store by turns.
  void OnRegistryAcknowledges(const registry::v1::Commit& commit, uint64_t revision,
                              bool has_others);
  void OnLeaseAnswered(const registry::v1::LeaseResult& lease);
  void OnRegistryStarts(const registry::StoredState& stored);

  // ---- Masters: at most one acts per epoch, and none once a later epoch was granted. ----
  // `process` names one run of a master's process.
  void OnMasterEffect(const std::string& node, const std::string& process,
                      const master::MasterCore& core, const master::Effect& effect);

  // ---- Resources: what runs and is offered fits on its agent. Frameworks: what was removed does
  // not come back. ----
  void OnMasterBatch(const std::string& node, const master::MasterCore& core);

  // ---- Tasks: executed at most once; nothing of them runs once their end was told. ----
  void OnExecuted(const std::string& machine, const containerizer::v1::LaunchSpec& spec);
  void OnProcessEnded(const std::string& container);
  bool IsAlive(const std::string& container) const;

  // ---- Updates: in order per task, one at a time until acknowledged, one end. ----
  void OnAgentUpdate(const std::string& node, const agent_link::v1::StatusUpdate& update);
  void OnAcknowledged(const std::string& framework,
                      const v1::scheduler::Call::Acknowledge& acknowledge);
  // A scheduler hears once how a task has ended, however it is told: by its agent's update or by an
  // answer to reconciliation. One that starts anew has forgotten.
  void OnSchedulerStarts(const std::string& framework);
  void OnDelivered(const std::string& framework, const v1::TaskStatus& status);
  // Nothing goes wrong from now on: no framework hears that a task is lost that runs.
  void ExpectPeace(bool is_peace) { is_peace_ = is_peace; }

 private:
  using TaskKey = std::pair<std::string, std::string>;  // framework, task
  struct Execution {
    std::string machine;
    std::string agent_id;
    TaskKey task;
    std::string container;
    resources::Resources resources;
    bool is_alive = true;
  };
  // What the agent of a task has said about it.
  struct Stream {
    std::string last_uuid;
    v1::TaskState end = v1::TASK_STAGING;    // the terminal state, once there was one
    v1::TaskState ahead = v1::TASK_STAGING;  // the same, as it was told ahead of its turn
  };

  void CheckPeace(const TaskKey& key, const v1::TaskStatus& status);
  void CheckToldOnce(const TaskKey& key, const v1::TaskStatus& status);
  void OnUpdateInTurn(const std::string& node, const TaskKey& key, const v1::TaskStatus& status);

  struct Acknowledged {
    registry::v1::Mutation mutation;
    uint64_t revision = 0;
  };

  absl::Status status_;
  std::map<registry::Key, Acknowledged> acknowledged_;
  std::map<uint64_t, std::string> holder_of_epoch_;   // as the registry granted
  std::map<uint64_t, std::string> process_of_epoch_;  // as masters acted
  std::map<TaskKey, Execution> executions_;
  std::map<std::string, TaskKey> task_of_container_;
  std::map<TaskKey, Stream> streams_;
  std::set<std::string> acknowledged_updates_;  // by uuid
  std::set<TaskKey> ends_told_;                 // to the schedulers that run now
  std::set<FrameworkId> removed_frameworks_;
  bool is_peace_ = false;
};

}  // namespace meros::simulation
