// A whole cluster in one World, drawn from a seed: which nodes there are, how mean their bounds and
// how short their timeouts are. Nodes are made anew after each crash; what outlives them is here.
//
// Thread rule: thread-compatible.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "libs/simulation/world.h"
#include "tests/simulation/cluster_watcher.h"
#include "tests/simulation/ensemble.h"
#include "tests/simulation/group_ledger.h"
#include "tests/simulation/job.h"
#include "tests/simulation/ledger.h"
#include "tests/simulation/machine.h"
#include "tests/simulation/operator_deeds.h"
#include "tests/simulation/quota_ledger.h"
#include "tests/simulation/registry_history.h"

namespace meros::simulation {

class MasterNode;
class VolumeLedger;

// What a seed decides besides faults.
struct Shape {
  int masters = 2;
  int agents = 3;
  int frameworks = 2;
  // Older offers are rescinded; infinite in most worlds, as in production.
  absl::Duration offer_timeout = absl::InfiniteDuration();
  size_t proposals_waiting_max = 1000;
  // What the allocator holds of a master that it has not got round to.
  size_t allocator_frames_max = 1'000'000;
  // Frameworks say so many things at once, now and then; in most worlds none does.
  size_t calls_at_once = 0;
  // The election, and the records of two registries, of which one serves.
  bool on_zookeeper = false;
  // Mishaps of containers, each time something is done with one.
  double slow_container_chance = 0;
  double launch_failure_chance = 0;
  double kill_failure_chance = 0;
  absl::Duration reboot_every = absl::InfiniteDuration();  // mean, over all machines
  OperatorHabits habits;
  bool is_upgraded = false;  // once the faults are over

  std::string ToString() const;
};

class Cluster {
 public:
  static constexpr char kRegistry[] = "registry";
  static constexpr char kAllocator[] = "allocator";
  static constexpr char kOperator[] = "operator";
  // Every agent has as much.
  static constexpr char kAgentResources[] = "cpus:4;mem:1024;disk:256";

  explicit Cluster(uint64_t seed);
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  World& world() { return world_; }
  Ledger& ledger() { return ledger_; }
  VolumeLedger& volumes() { return *volumes_; }
  QuotaLedger& quotas() { return quotas_; }
  GroupLedger& groups() { return groups_; }
  RegistryHistory& registry_history() { return registry_history_; }
  ClusterWatcher& watcher() { return watcher_; }
  Ensemble& ensemble() { return ensemble_; }
  const Shape& shape() const { return shape_; }

  // A timeout of production, as short as this world wants it.
  absl::Duration Scaled(absl::Duration timeout) const {
    return timeout * world_.faults().knobs.timeout_scale;
  }
  absl::Duration offer_timeout() const { return Scaled(shape_.offer_timeout); }
  // Of ZooKeeper: half of it is enough for what a candidate and a claim need, whatever the network.
  absl::Duration session_timeout() const {
    return std::max(Scaled(absl::Seconds(10)), absl::Seconds(6));
  }

  // host:port under which a node is known to others, and back.
  static std::string AddressOf(const std::string& node) { return node + ":7050"; }
  static std::string NodeOf(const std::string& address) {
    return address.substr(0, address.rfind(':'));
  }
  std::string MasterAddress(int index) const;
  // In the order in which masters try them.
  std::vector<std::string> Registries() const;

  // While true, frameworks think of new work.
  bool is_growing() const { return is_growing_; }
  // Mishaps and new work end.
  void CalmDown();
  void StartReboots();

  std::vector<std::unique_ptr<Job>>& jobs() { return jobs_; }
  // A new machine with an empty disk in the place of an agent's.
  void Replace(const std::string& agent);
  // What the file says that every master reads; null: all agents may be offered.
  const master::WhitelistRef& whitelist() const { return whitelist_; }
  void PutWhitelist(master::WhitelistRef hostnames);
  // Whether everything is up, and all agents are in session with the leader.
  bool IsReady() const;
  // Whether operators have undone all that they did.
  bool IsUntouched() const;
  // That readers of every master see what is in its books.
  void CheckReaders() const;
  // Whether nothing is reserved any more, on agents and in the leader's books.
  bool IsUnreserved() const;
  // OK when nothing is left of all tasks and volumes: no process, no record, no book entry.
  absl::Status CheckEmpty() const;

  // The node that leads, as the world can see it; empty, null when none does.
  std::string Leader() const;
  const MasterNode* LeadingNode() const;

  // For the head of a failure report.
  std::string ToString() const;

 private:
  Cluster(uint64_t seed, Rng rng);
  void AddNodes();
  void AddMachine(int index);
  void AddFramework(int index);
  void Reboot(int index);

  // cluster_end.cc
  absl::Status CheckEmpty(const Machine& machine) const;
  absl::Status CheckNothingHeld(const master::Books& books) const;

  Shape shape_;
  World world_;
  Ledger ledger_;
  const std::unique_ptr<VolumeLedger> volumes_;
  QuotaLedger quotas_;
  GroupLedger groups_;
  RegistryHistory registry_history_;
  ClusterWatcher watcher_;
  Ensemble ensemble_;
  Rng rng_;
  bool is_growing_ = true;
  master::WhitelistRef whitelist_;
  std::vector<std::unique_ptr<Machine>> machines_;
  std::vector<std::unique_ptr<Job>> jobs_;
};

}  // namespace meros::simulation
