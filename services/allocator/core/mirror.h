// The master's books as the allocator knows them: agents with who holds what of them, frameworks,
// and the accounts of roles. Next to what the master has committed stand the tentative holdings:
// resources of proposals whose result is not known yet.
//
// Per agent: free + held + tentative + set aside = total, for everything that is not shared. What
// is shared can be given to many and is never used up. When the master shrinks an agent below what
// is held of it, or commits something that we had proposed elsewhere, the agent is overcommitted:
// nothing of the kind is free until enough has come back.
//
// Mutations keep agents, frameworks and accounts consistent with each other; what the master says
// is checked here and a contradiction is returned, never asserted.
//
// Owner: services/allocator/core (Books). Thread rule: strand-confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "services/allocator/core/model.h"
#include "services/allocator/core/role_tree.h"

namespace meros::allocator {

// What is kept back of an agent for a gang that waits: as if it were offered, but nobody was told.
struct SetAside {
  Client* client = nullptr;
  Resources resources;
  Charge charge;
};

struct Agent {
  struct Holding {
    Client* client = nullptr;
    Resources resources;
    uint32_t offers = 0;  // of which it consists in part, and which are unanswered
  };

  AgentState state;
  uint64_t serial = 0;                         // unique within a mirror, never reused
  Resources free;                              // not shared, neither held nor tentative
  Resources shared;                            // of the total
  absl::btree_map<HolderKey, Holding> held;    // committed by the master
  absl::InlinedVector<uint64_t, 2> tentative;  // ids of proposals
  std::optional<SetAside> aside;
  bool overcommitted = false;

  // Of the total: spare the stages work on the usual agent, which has none of it.
  bool has_gpus = false;
  bool has_reserved = false;
  bool has_refined = false;
  bool has_revocable = false;

  bool whitelisted = true;
  bool is_remote = false;  // in another region than the master

  bool held_back = false;  // the master refuses proposals on it for now
  // What it adds to Mirror::available().
  ResourceQuantities available;

  bool is_offerable() const { return state.active && whitelisted; }

  // Scratch of the run in progress: what of `shared` nobody has been offered in it.
  Resources shared_unoffered;
  bool handed_out = false;  // by AgentOrder
};

struct Framework {
  FrameworkState state;
  absl::btree_map<std::string, Client*> clients;  // by role it is subscribed to
  absl::btree_map<AgentId, size_t> holdings;      // by agent, how many; without tentative ones
  bool held_back = false;                         // the master refuses proposals to it for now
};

// A proposal on its way.
struct Tentative {
  Client* client = nullptr;
  Agent* agent = nullptr;  // null: removed since
  Resources resources;
  Charge charge;
  absl::Time sent;
  bool accepted = false;  // the master took it; the Allocate that follows makes it a holding
  uint64_t gang = 0;      // serial of the gang that it is a part of; 0: of none
};

class Mirror {
 public:
  using Agents = absl::btree_map<AgentId, std::unique_ptr<Agent>>;
  using Frameworks = absl::btree_map<FrameworkId, std::unique_ptr<Framework>>;
  using Proposals = absl::btree_map<uint64_t, std::unique_ptr<Tentative>>;

  // `excluded` are names that do not count in fair shares.
  Mirror(absl::btree_set<std::string> excluded, RoleTree roles);

  const Agents& agents() const { return agents_; }
  const Frameworks& frameworks() const { return frameworks_; }
  const Proposals& proposals() const { return proposals_; }
  const RoleTree& roles() const { return roles_; }
  RoleTree& roles() { return roles_; }
  // Scalars free on offerable agents that are neither reserved nor revocable: what guarantees can
  // be met from. Kept while there are quotas; REQUIRES roles().has_quota().
  const ResourceQuantities& available() const { return available_; }
  // Null if unknown.
  Agent* FindAgent(const AgentId& id) const;
  Agent* FindAgentBySerial(uint64_t serial) const;
  Framework* FindFramework(const FrameworkId& id) const;

  // Adds or replaces; holdings are kept. Subscribed roles get clients; demand follows from the
  // state.
  Framework* PutFramework(FrameworkState state);
  // Brings the demand of its clients in line with the state.
  void UpdateDemand(Framework* framework);
  // Removes it with its holdings; tentative ones wait for their results.
  void RemoveFramework(Framework* framework);

  Agent* PutAgent(AgentState state);
  // Removes it with its holdings. Proposals on it stay known until their results come, but there is
  // nothing left that they could hold. REQUIRES: nothing is set aside on it.
  void RemoveAgent(Agent* agent);

  // Sets who may have offers of which agents; holds for agents that come later, too.
  void SetWhitelist(std::optional<absl::btree_set<std::string>> hostnames);
  void SetRegion(std::string region);

  void SetQuota(const std::string& role, Quota quota);

  // The master committed `resources` to the client, as so many offers.
  void Hold(Agent* agent, Client* client, const Resources& resources, Grant grant, uint32_t offers);
  // The master took back, or offers were answered. ERRORS: FailedPrecondition if less is held
  // (nothing is changed then).
  absl::Status Release(Agent* agent, const HolderKey& holder, const Resources& resources,
                       uint32_t offers);
  // Whether someone who held as many offers as it may holds fewer since the last call.
  bool TakeOffersFell() { return std::exchange(offers_fell_, false); }

  // Proposed resources leave what is free and are charged. REQUIRES: `id` is new, agent.free and
  // agent.shared contain `resources`.
  void Propose(uint64_t id, Agent* agent, Client* client, Resources resources, absl::Time now,
               uint64_t gang = 0);
  // Marks as accepted. REQUIRES: known.
  void Accept(uint64_t id);
  // Undoes Propose. REQUIRES: known.
  void Withdraw(uint64_t id);

  // Keeps `resources` back for the client: they leave what is free and are charged. REQUIRES:
  // nothing is set aside on the agent, agent.free contains `resources`.
  void KeepBack(Agent* agent, Client* client, Resources resources);
  // Undoes KeepBack. REQUIRES: something is set aside.
  void GiveBack(Agent* agent);

  // MEROS_CHECKs conservation per agent, accounts against holdings, and the role tree.
  void CheckInvariants() const;

 private:
  void Take(Agent* agent, const Resources& resources);
  void Return(Agent* agent, const Resources& resources);
  void RecomputeFree(Agent* agent);
  void AddTotals(const Agent& agent);
  void SubtractTotals(const Agent& agent);
  void PublishTotals();
  void Drop(Agent* agent, const HolderKey& holder);
  void Judge(Agent* agent);
  // Brings available() up to date with what is free on the agent.
  void PublishAvailable(Agent* agent);
  void CountHolding(const FrameworkId& framework, const AgentId& agent, int change);
  void AddOffers(Client* client, size_t offers) { client->offers_in_flight += offers; }
  void SubtractOffers(Client* client, size_t offers);
  void CheckAgent(const Agent& agent) const;

  const absl::btree_set<std::string> excluded_;
  RoleTree roles_;
  Agents agents_;
  absl::flat_hash_map<uint64_t, Agent*> agents_by_serial_;
  Frameworks frameworks_;
  Proposals proposals_;
  ResourceQuantities totals_;  // scalars of all agents
  ResourceQuantities available_;
  std::optional<absl::btree_set<std::string>> whitelist_;
  std::string region_;
  uint64_t last_serial_ = 0;
  bool offers_fell_ = false;
};

}  // namespace meros::allocator
