#include "tests/simulation/cluster.h"

#include <stdlib.h>

#include <memory>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/resources/parse.h"
#include "libs/simulation/probes.h"
#include "tests/simulation/agent_node.h"
#include "tests/simulation/allocator_node.h"
#include "tests/simulation/containerizer_node.h"
#include "tests/simulation/framework_node.h"
#include "tests/simulation/master_node.h"
#include "tests/simulation/operator_node.h"
#include "tests/simulation/registry_node.h"
#include "tests/simulation/volume_ledger.h"

namespace meros::simulation {
namespace {

Shape DrawShape(Rng* rng) {
  Shape shape;
  shape.masters = static_cast<int>(rng->Uniform(1, 3));
  shape.agents = static_cast<int>(rng->Uniform(1, 4));
  shape.frameworks = static_cast<int>(rng->Uniform(1, 3));
  if (rng->Chance(0.3)) shape.offer_timeout = absl::Seconds(rng->Uniform(5, 60));
  if (rng->Chance(0.2)) shape.proposals_waiting_max = rng->Uniform(1, 4);
  if (rng->Chance(0.5)) shape.slow_container_chance = 0.2 * rng->UniformDouble();
  if (rng->Chance(0.5)) shape.launch_failure_chance = 0.2 * rng->UniformDouble();
  if (rng->Chance(0.5)) shape.kill_failure_chance = 0.3 * rng->UniformDouble();
  if (rng->Chance(0.3)) shape.reboot_every = absl::Seconds(rng->Uniform(20, 200));
  for (bool* habit : {&shape.habits.operations, &shape.habits.roles, &shape.habits.orders,
                      &shape.habits.maintenance, &shape.habits.teardown}) {
    *habit = rng->Chance(0.3);
  }
  shape.is_upgraded = rng->Chance(0.3);
  return shape;
}

// How many of the last events a report shows: 200, or as the environment says.
size_t TraceLines() {
  const char* const wanted = getenv("MEROS_SIMULATION_TRACE_LINES");
  size_t lines = 200;
  if (wanted != nullptr) (void)absl::SimpleAtoi(wanted, &lines);
  return lines;
}

Faults DrawClusterFaults(Rng* rng) {
  Faults faults = DrawFaults(rng);
  // A frame's inputs are posted one by one; a mailbox smaller than a frame would refuse the same
  // frame for ever, which production excludes by its sizes (2^18 inputs, frames of some 64 KiB).
  if (faults.knobs.mailbox_max < 4096) faults.knobs.mailbox_max = rng->Uniform(64, 256);
  faults.net.stream_timeout = faults.net.stream_timeout * faults.knobs.timeout_scale;
  return faults;
}

}  // namespace

std::string Shape::ToString() const {
  return absl::StrCat(
      "cluster: ", masters, " masters, ", agents, " agents, ", frameworks,
      " frameworks, offer_timeout=", absl::FormatDuration(offer_timeout),
      " proposals_waiting_max=", proposals_waiting_max,
      " allocator_frames_max=", allocator_frames_max, " calls_at_once=", calls_at_once,
      on_zookeeper ? " on ZooKeeper" : "", "\ncontainers: slow=", slow_container_chance,
      " fail=", launch_failure_chance, " kill_fails=", kill_failure_chance,
      " reboot_every=", absl::FormatDuration(reboot_every),
      "\noperators:", habits.operations ? " operations" : "", habits.roles ? " roles" : "",
      habits.claims ? " claims" : "", habits.orders ? " orders" : "",
      habits.maintenance ? " maintenance" : "", habits.teardown ? " teardown" : "",
      habits.kills ? " kills" : "", habits.whitelist ? " whitelist" : "",
      is_upgraded ? "\na rolling upgrade" : "", "\n");
}

Cluster::Cluster(uint64_t seed) : Cluster(seed, Rng(seed)) {}

Cluster::Cluster(uint64_t seed, Rng rng)
    : shape_(DrawShape(&rng)),
      world_({.seed = seed, .faults = DrawClusterFaults(&rng), .trace_lines = TraceLines()}),
      volumes_(
          std::make_unique<VolumeLedger>(*resources::ParseResources(kAgentResources), &ledger_)),
      quotas_(&ledger_),
      groups_(&ledger_),
      watcher_(&ledger_, world_.MakeRng("watcher")),
      ensemble_(world_.MakeRng("ensemble")),
      rng_(world_.MakeRng("cluster")) {
  // Of their own, so that what else a seed draws stays as it was.
  Rng allocator = world_.MakeRng("allocator's patience");
  if (allocator.Chance(0.15)) shape_.allocator_frames_max = allocator.Uniform(4, 16);
  shape_.on_zookeeper = world_.MakeRng("on zookeeper").Chance(0.3);
  shape_.habits.claims = shape_.habits.roles && world_.MakeRng("claims").Chance(0.5);
  shape_.habits.kills = world_.MakeRng("kills").Chance(0.3);
  shape_.habits.whitelist = world_.MakeRng("whitelist").Chance(0.3);
  Rng crowd = world_.MakeRng("crowd");
  if (crowd.Chance(0.3)) shape_.calls_at_once = crowd.Uniform(100, 600);
  world_.AddInvariant("ledger", [this] { return ledger_.status(); });
  AddNodes();
}

Cluster::~Cluster() = default;

void Cluster::AddNodes() {
  if (shape_.on_zookeeper) {
    world_.AddNode(Ensemble::kNode, {.make = [this](NodeContext* context) {
                     return std::make_unique<EnsembleNode>(context, &ensemble_);
                   }});
  }
  for (const std::string& registry : Registries()) {
    world_.AddNode(registry, {.make = [this](NodeContext* context) {
                     return std::make_unique<RegistryNode>(context, this);
                   }});
  }
  for (int i = 0; i < shape_.masters; ++i) {
    world_.AddNode(NodeOf(MasterAddress(i)), {.make = [this](NodeContext* context) {
                     return std::make_unique<MasterNode>(context, this);
                   }});
  }
  world_.AddNode(kAllocator, {.make = [this](NodeContext* context) {
                   return std::make_unique<AllocatorNode>(context, this);
                 }});
  for (int i = 0; i < shape_.agents; ++i) AddMachine(i);
  for (int i = 0; i < shape_.frameworks; ++i) AddFramework(i);
  if (!shape_.habits.any()) return;
  world_.AddNode(kOperator, {.make =
                                 [this](NodeContext* context) {
                                   return std::make_unique<OperatorNode>(context, this);
                                 },
                             .may_crash = false});
}

void Cluster::AddMachine(int index) {
  const std::string agent = absl::StrCat("agent-", index + 1);
  const std::string containerizer = absl::StrCat("containerizer-", index + 1);
  machines_.push_back(std::make_unique<Machine>(agent, &world_, &ledger_));
  Machine* const machine = machines_.back().get();
  world_.AddNode(containerizer, {.make = [this, machine](NodeContext* context) {
                   return std::make_unique<ContainerizerNode>(context, this, machine);
                 }});
  world_.AddNode(agent, {.make =
                             [this, containerizer](NodeContext* context) {
                               return std::make_unique<AgentNode>(context, this, containerizer);
                             },
                         .may_lose_disk = true});
}

void Cluster::AddFramework(int index) {
  const std::string name = absl::StrCat("framework-", index + 1);
  const HostChoice hosts(shape_.agents, world_.MakeRng(absl::StrCat("hosts ", name)));
  jobs_.push_back(std::make_unique<Job>(name, hosts, world_.MakeRng(absl::StrCat("job ", name)),
                                        world_.MakeRng(absl::StrCat("sharing ", name)),
                                        world_.MakeRng(absl::StrCat("grouping ", name))));
  Job* const job = jobs_.back().get();
  world_.AddNode(name, {.make = [this, job](NodeContext* context) {
                   return std::make_unique<FrameworkNode>(context, this, job);
                 }});
}

void Cluster::StartReboots() {
  if (shape_.reboot_every == absl::InfiniteDuration()) return;
  world_.events().After(UniformDuration(&rng_, absl::ZeroDuration(), 2 * shape_.reboot_every),
                        [this] {
                          if (!is_growing_) return;
                          Sometimes<"a machine is rebooted">(true);
                          Reboot(static_cast<int>(rng_.Uniform(0, machines_.size() - 1)));
                          StartReboots();
                        });
}

void Cluster::Reboot(int index) {
  const std::string containerizer = absl::StrCat("containerizer-", index + 1);
  const std::string agent = machines_[index]->name();
  world_.Crash(agent);
  world_.Crash(containerizer);
  machines_[index]->Reboot(&rng_);
  for (const std::string& name : {agent, containerizer}) {
    world_.events().After(
        UniformDuration(&rng_, absl::ZeroDuration(), world_.faults().chaos.restart_after_max),
        [this, name] { world_.Restart(name); });
  }
}

void Cluster::Replace(const std::string& agent) {
  for (size_t i = 0; i < machines_.size(); ++i) {
    if (machines_[i]->name() != agent) continue;
    Reboot(static_cast<int>(i));
    world_.disk(agent).Wipe();
  }
}

bool Cluster::IsReady() const {
  const MasterNode* leader = LeadingNode();
  if (leader == nullptr) return false;
  for (int i = 0; i < shape_.masters; ++i) {
    if (!world_.IsUp(NodeOf(MasterAddress(i)))) return false;
  }
  for (const std::string& registry : Registries()) {
    if (!world_.IsUp(registry)) return false;
  }
  if (!world_.IsUp(kAllocator)) return false;
  for (const auto& machine : machines_) {
    const auto* node = static_cast<const AgentNode*>(world_.Find(machine->name()));
    if (node == nullptr) return false;
    const master::Agent* agent = leader->core().books().agents.Find(node->core().agent_id());
    if (agent == nullptr || !agent->is_active()) return false;
  }
  return true;
}

void Cluster::PutWhitelist(master::WhitelistRef hostnames) {
  whitelist_ = std::move(hostnames);
  for (int i = 0; i < shape_.masters; ++i) {
    auto* node = static_cast<MasterNode*>(world_.Find(NodeOf(MasterAddress(i))));
    if (node != nullptr) node->Post(master::SetWhitelist{whitelist_});
  }
}

bool Cluster::IsUntouched() const {
  if (!shape_.habits.any()) return true;
  return static_cast<OperatorNode*>(world_.Find(kOperator))->IsDone();
}

void Cluster::CalmDown() {
  is_growing_ = false;
  shape_.slow_container_chance = shape_.launch_failure_chance = shape_.kill_failure_chance = 0;
}

const MasterNode* Cluster::LeadingNode() const {
  const std::string leader = Leader();
  return static_cast<const MasterNode*>(leader.empty() ? nullptr : world_.Find(leader));
}

std::vector<std::string> Cluster::Registries() const {
  if (shape_.on_zookeeper) return {kRegistry, absl::StrCat(kRegistry, "-2")};
  return {kRegistry};
}

std::string Cluster::MasterAddress(int index) const {
  return AddressOf(absl::StrCat("master-", index + 1));
}

std::string Cluster::Leader() const {
  std::string leader;
  uint64_t epoch = 0;
  for (int i = 0; i < shape_.masters; ++i) {
    const std::string name = NodeOf(MasterAddress(i));
    const auto* node = static_cast<const MasterNode*>(world_.Find(name));
    if (node == nullptr || node->core().leadership() != master::LeadershipState::kLeading) continue;
    if (node->core().epoch() <= epoch) continue;
    epoch = node->core().epoch();
    leader = name;
  }
  return leader;
}

std::string Cluster::ToString() const {
  std::string text = absl::StrCat(shape_.ToString(), world_.faults().ToString());
  for (const auto& job : jobs_) absl::StrAppend(&text, job->ToString());
  return absl::StrCat(text, "leader: ", Leader(), ", left: ", CheckEmpty().message(), "\n");
}

}  // namespace meros::simulation
