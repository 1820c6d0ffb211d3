#include "services/allocator/core/mirror.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "services/allocator/core/demand.h"
#include "services/allocator/core/filters/offers_in_flight.h"

namespace meros::allocator {
namespace {

bool HasShared(const Resources& resources) {
  return std::any_of(resources.begin(), resources.end(),
                     [](const resources::Resource& resource) { return resource.is_shared(); });
}

template <typename Predicate>
bool Any(const Resources& resources, Predicate predicate) {
  return std::any_of(resources.begin(), resources.end(), predicate);
}

}  // namespace

Mirror::Mirror(absl::btree_set<std::string> excluded, RoleTree roles)
    : excluded_(std::move(excluded)), roles_(std::move(roles)) {}

Agent* Mirror::FindAgent(const AgentId& id) const {
  const auto found = agents_.find(id);
  return found == agents_.end() ? nullptr : found->second.get();
}

Agent* Mirror::FindAgentBySerial(uint64_t serial) const {
  const auto found = agents_by_serial_.find(serial);
  return found == agents_by_serial_.end() ? nullptr : found->second;
}

Framework* Mirror::FindFramework(const FrameworkId& id) const {
  const auto found = frameworks_.find(id);
  return found == frameworks_.end() ? nullptr : found->second.get();
}

// --- Frameworks
// -----------------------------------------------------------------------------------

Framework* Mirror::PutFramework(FrameworkState state) {
  std::unique_ptr<Framework>& slot = frameworks_[state.id];
  if (slot == nullptr) slot = std::make_unique<Framework>();
  Framework* framework = slot.get();
  framework->state = std::move(state);
  framework->held_back = false;
  for (auto it = framework->clients.begin(); it != framework->clients.end();) {
    if (framework->state.roles.contains(it->first)) {
      ++it;
    } else {
      roles_.Subscribe(it->second, nullptr);
      it = framework->clients.erase(it);
    }
  }
  for (const std::string& role : framework->state.roles) {
    Client*& client = framework->clients[role];
    if (client != nullptr) continue;
    client = roles_.GetClient(role, framework->state.id);
    roles_.Subscribe(client, framework);
  }
  for (const auto& [role, client] : framework->clients) {
    const auto constraints = framework->state.constraints.find(role);
    const auto minimum = framework->state.min_allocatable.find(role);
    client->constraints =
        constraints == framework->state.constraints.end() ? nullptr : constraints->second.get();
    client->min_allocatable =
        minimum == framework->state.min_allocatable.end() ? nullptr : &minimum->second;
    roles_.Wake(client);
  }
  UpdateDemand(framework);
  return framework;
}

void Mirror::UpdateDemand(Framework* framework) {
  for (const auto& [role, client] : framework->clients) {
    roles_.SetDemand(client, WantsOffers(framework->state, role));
  }
}

void Mirror::RemoveFramework(Framework* framework) {
  const FrameworkId id = framework->state.id;
  while (!framework->holdings.empty()) {
    Agent* agent = FindAgent(framework->holdings.begin()->first);
    MEROS_CHECK(agent != nullptr) << framework->holdings.begin()->first;
    const auto holding = agent->held.lower_bound(HolderKey{id, ""});
    MEROS_CHECK(holding != agent->held.end() && holding->first.framework == id) << id;
    Drop(agent, HolderKey(holding->first));
  }
  for (const auto& [role, client] : framework->clients) roles_.Subscribe(client, nullptr);
  frameworks_.erase(id);
}

// --- Agents
// ---------------------------------------------------------------------------------------

Agent* Mirror::PutAgent(AgentState state) {
  std::unique_ptr<Agent>& slot = agents_[state.id];
  if (slot == nullptr) {
    slot = std::make_unique<Agent>();
    slot->serial = ++last_serial_;
    agents_by_serial_[slot->serial] = slot.get();
  } else {
    SubtractTotals(*slot);
  }
  Agent* agent = slot.get();
  agent->state = std::move(state);
  agent->held_back = false;
  const Resources& total = agent->state.total;
  agent->shared = total.Shared();
  agent->has_gpus = total.Gpus().is_positive();
  agent->has_reserved = Any(total, [](const auto& r) { return r.is_reserved(); });
  agent->has_refined = Any(total, [](const auto& r) { return r.has_refined_reservation(); });
  agent->has_revocable = Any(total, [](const auto& r) { return r.is_revocable(); });
  Judge(agent);
  RecomputeFree(agent);
  AddTotals(*agent);
  PublishTotals();
  return agent;
}

void Mirror::RemoveAgent(Agent* agent) {
  MEROS_CHECK(!agent->aside) << agent->state.id;
  while (!agent->held.empty()) Drop(agent, HolderKey(agent->held.begin()->first));
  for (const uint64_t id : agent->tentative) {
    Tentative& tentative = *proposals_.at(id);
    roles_.Credit(tentative.client, tentative.charge);
    tentative.charge = {};
    tentative.agent = nullptr;
  }
  SubtractTotals(*agent);
  PublishTotals();
  available_ -= agent->available;
  agents_by_serial_.erase(agent->serial);
  agents_.erase(agents_.find(agent->state.id));
}

void Mirror::Judge(Agent* agent) {
  const resources::AgentTraits& traits = agent->state.traits;
  agent->whitelisted = !whitelist_ || whitelist_->contains(traits.hostname);
  agent->is_remote = !region_.empty() && traits.region && *traits.region != region_;
}

void Mirror::SetWhitelist(std::optional<absl::btree_set<std::string>> hostnames) {
  whitelist_ = std::move(hostnames);
  for (const auto& [id, agent] : agents_) {
    Judge(agent.get());
    PublishAvailable(agent.get());
  }
}

void Mirror::SetRegion(std::string region) {
  region_ = std::move(region);
  for (const auto& [id, agent] : agents_) Judge(agent.get());
}

void Mirror::SetQuota(const std::string& role, Quota quota) {
  const bool had_quota = roles_.has_quota();
  roles_.SetQuota(role, std::move(quota));
  if (roles_.has_quota() == had_quota) return;
  for (const auto& [id, agent] : agents_) PublishAvailable(agent.get());
}

void Mirror::PublishAvailable(Agent* agent) {
  ResourceQuantities available;
  if (roles_.has_quota() && agent->is_offerable()) {
    available = Charge::Of(agent->free).unreserved;
  }
  if (available == agent->available) return;
  available_ += available;
  available_ -= agent->available;
  agent->available = std::move(available);
}

void Mirror::AddTotals(const Agent& agent) {
  totals_ += agent.state.total.ScalarQuantities();
  if (!agent.has_reserved) return;
  for (const auto& [role, reserved] : agent.state.total.ReservationsByRole()) {
    roles_.AddReserved(role, reserved.ScalarQuantities());
  }
}

void Mirror::SubtractTotals(const Agent& agent) {
  totals_ -= agent.state.total.ScalarQuantities();
  if (!agent.has_reserved) return;
  for (const auto& [role, reserved] : agent.state.total.ReservationsByRole()) {
    roles_.SubtractReserved(role, reserved.ScalarQuantities());
  }
}

void Mirror::PublishTotals() {
  if (excluded_.empty()) return roles_.SetTotals(totals_);
  ResourceQuantities counted;
  for (const auto& [name, amount] : totals_) {
    if (!excluded_.contains(name.text())) counted.Add(name, amount);
  }
  roles_.SetTotals(counted);
}

void Mirror::Take(Agent* agent, const Resources& resources) {
  if (resources == agent->free) {  // the usual offer: everything
    agent->free = Resources();
    return PublishAvailable(agent);
  }
  const bool mixed = HasShared(resources);
  const Resources divisible = mixed ? resources.NonShared() : Resources();
  const Resources& taken = mixed ? divisible : resources;
  agent->overcommitted = agent->overcommitted || !agent->free.Contains(taken);
  agent->free -= taken;
  PublishAvailable(agent);
}

void Mirror::Return(Agent* agent, const Resources& resources) {
  if (agent->overcommitted) return RecomputeFree(agent);
  agent->free += HasShared(resources) ? resources.NonShared() : resources;
  PublishAvailable(agent);
}

void Mirror::RecomputeFree(Agent* agent) {
  agent->free = agent->state.total.NonShared();
  agent->overcommitted = false;
  for (const auto& [holder, holding] : agent->held) Take(agent, holding.resources);
  for (const uint64_t id : agent->tentative) Take(agent, proposals_.at(id)->resources);
  if (agent->aside) Take(agent, agent->aside->resources);
  PublishAvailable(agent);
}

// --- Holdings
// -------------------------------------------------------------------------------------

void Mirror::CountHolding(const FrameworkId& framework, const AgentId& agent, int change) {
  const auto found = frameworks_.find(framework);
  if (found == frameworks_.end()) return;
  auto& holdings = found->second->holdings;
  size_t& count = holdings[agent];
  count += static_cast<size_t>(change);
  if (count == 0) holdings.erase(agent);
}

void Mirror::SubtractOffers(Client* client, size_t offers) {
  const bool held_all = HoldsAllItsOffers(*client);
  client->offers_in_flight -= offers;
  offers_fell_ = offers_fell_ || (held_all && !HoldsAllItsOffers(*client));
}

void Mirror::Hold(Agent* agent, Client* client, const Resources& resources, Grant grant,
                  uint32_t offers) {
  const HolderKey holder{client->framework_id, client->role->name()};
  Agent::Holding& holding = agent->held[holder];
  if (holding.client == nullptr) {
    holding.client = client;
    roles_.Pin(client);
    CountHolding(holder.framework, agent->state.id, +1);
  }
  holding.offers += offers;
  AddOffers(client, offers);
  // A further share of what the client holds already is not charged again.
  if (HasShared(resources)) {
    const Charge before = Charge::Of(holding.resources);
    holding.resources += resources;
    const Charge after = Charge::Of(holding.resources);
    roles_.Charge(client, {after.all - before.all, after.unreserved - before.unreserved}, grant);
  } else {
    holding.resources += resources;
    roles_.Charge(client, Charge::Of(resources), grant);
  }
  Take(agent, resources);
}

absl::Status Mirror::Release(Agent* agent, const HolderKey& holder, const Resources& resources,
                             uint32_t offers) {
  const auto found = agent->held.find(holder);
  if (found == agent->held.end() || !found->second.resources.Contains(resources)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "framework ", holder.framework.value(), " in role ", holder.role, " holds ",
        found == agent->held.end() ? "nothing" : found->second.resources.DebugString(),
        " of agent ", agent->state.id.value(), ", recovered ", resources.DebugString()));
  }
  Agent::Holding& holding = found->second;
  if (holding.offers < offers) {
    return absl::FailedPreconditionError(absl::StrCat(
        "framework ", holder.framework.value(), " in role ", holder.role, " holds ", holding.offers,
        " offers of agent ", agent->state.id.value(), ", and ", offers, " have ended"));
  }
  holding.offers -= offers;
  SubtractOffers(holding.client, offers);
  if (resources.empty()) return absl::OkStatus();
  const Charge before = Charge::Of(holding.resources);
  holding.resources -= resources;
  const Charge after = Charge::Of(holding.resources);
  roles_.Credit(holding.client, {before.all - after.all, before.unreserved - after.unreserved});
  if (holding.resources.empty()) {
    Drop(agent, holder);
  }
  Return(agent, resources);
  return absl::OkStatus();
}

void Mirror::Drop(Agent* agent, const HolderKey& holder) {
  const auto found = agent->held.find(holder);
  const Agent::Holding holding = std::move(found->second);
  agent->held.erase(found);
  SubtractOffers(holding.client, holding.offers);
  if (!holding.resources.empty()) {
    roles_.Credit(holding.client, Charge::Of(holding.resources));
    Return(agent, holding.resources);
  }
  roles_.Unpin(holding.client);
  CountHolding(holder.framework, agent->state.id, -1);
}

// --- Proposals
// ------------------------------------------------------------------------------------

void Mirror::Propose(uint64_t id, Agent* agent, Client* client, Resources resources, absl::Time now,
                     uint64_t gang) {
  auto tentative = std::make_unique<Tentative>();
  tentative->client = client;
  tentative->gang = gang;
  tentative->agent = agent;
  tentative->charge = Charge::Of(resources);
  tentative->sent = now;
  agent->tentative.push_back(id);
  Take(agent, resources);
  tentative->resources = std::move(resources);
  roles_.Pin(client);
  AddOffers(client, 1);
  roles_.Charge(client, tentative->charge, Grant::kYes);
  const bool is_new = proposals_.emplace(id, std::move(tentative)).second;
  MEROS_CHECK(is_new) << "proposal " << id << " exists";
}

void Mirror::Accept(uint64_t id) { proposals_.at(id)->accepted = true; }

void Mirror::Withdraw(uint64_t id) {
  const auto found = proposals_.find(id);
  MEROS_CHECK(found != proposals_.end()) << "proposal " << id;
  const std::unique_ptr<Tentative> owned = std::move(found->second);
  const Tentative& tentative = *owned;
  proposals_.erase(found);
  if (Agent* agent = tentative.agent; agent != nullptr) {
    agent->tentative.erase(std::find(agent->tentative.begin(), agent->tentative.end(), id));
    Return(agent, tentative.resources);
  }
  roles_.Credit(tentative.client, tentative.charge);
  SubtractOffers(tentative.client, 1);
  roles_.Unpin(tentative.client);
}

// --- What is kept back
// --------------------------------------------------------------------------------

void Mirror::KeepBack(Agent* agent, Client* client, Resources resources) {
  MEROS_CHECK(!agent->aside) << agent->state.id;
  const allocator::Charge charge = Charge::Of(resources);
  Take(agent, resources);
  roles_.Pin(client);
  roles_.Charge(client, charge, Grant::kNo);
  agent->aside = SetAside{client, std::move(resources), charge};
}

void Mirror::GiveBack(Agent* agent) {
  const SetAside aside = *std::exchange(agent->aside, std::nullopt);
  Return(agent, aside.resources);
  roles_.Credit(aside.client, aside.charge);
  roles_.Unpin(aside.client);
}

// --- Invariants
// -----------------------------------------------------------------------------------

void Mirror::CheckAgent(const Agent& agent) const {
  Resources free = agent.state.total.NonShared();
  bool overcommitted = false;
  const auto take = [&](const Resources& resources) {
    const Resources taken = resources.NonShared();
    overcommitted = overcommitted || !free.Contains(taken);
    free -= taken;
  };
  for (const auto& [holder, holding] : agent.held) {
    MEROS_CHECK(!holding.resources.empty()) << holder.framework;
    MEROS_CHECK(holding.client == roles_.FindClient(holder.role, holder.framework));
    take(holding.resources);
  }
  for (const uint64_t id : agent.tentative) {
    MEROS_CHECK(proposals_.at(id)->agent == &agent) << id;
    take(proposals_.at(id)->resources);
  }
  if (agent.aside) take(agent.aside->resources);
  MEROS_CHECK(free == agent.free) << agent.state.id << " has " << agent.free.DebugString()
                                  << " free, counted " << free.DebugString();
  MEROS_CHECK(agent.overcommitted == overcommitted) << agent.state.id;
}

void Mirror::CheckInvariants() const {
  roles_.CheckInvariants();
  absl::btree_map<const Client*, Account> accounts;
  absl::btree_map<const Client*, size_t> offers;
  size_t tentative = 0;
  ResourceQuantities totals;
  ResourceQuantities available;
  for (const auto& [id, agent] : agents_) {
    MEROS_CHECK(agent->state.id == id && FindAgentBySerial(agent->serial) == agent.get());
    CheckAgent(*agent);
    tentative += agent->tentative.size();
    totals += agent->state.total.ScalarQuantities();
    if (agent->is_offerable()) available += Charge::Of(agent->free).unreserved;
    for (const auto& [holder, holding] : agent->held) {
      accounts[holding.client].charged += Charge::Of(holding.resources).all;
      ++accounts[holding.client].grants;  // counts pins here
      offers[holding.client] += holding.offers;
    }
    if (!agent->aside) continue;
    accounts[agent->aside->client].charged += agent->aside->charge.all;
    ++accounts[agent->aside->client].grants;
  }
  MEROS_CHECK(totals == totals_) << totals.ToString() << " " << totals_.ToString();
  MEROS_CHECK(!roles_.has_quota() || available == available_)
      << available.ToString() << " " << available_.ToString();
  for (const auto& [id, proposal] : proposals_) {
    tentative -= proposal->agent != nullptr ? 1 : 0;
    accounts[proposal->client].charged += proposal->charge.all;
    ++accounts[proposal->client].grants;
    ++offers[proposal->client];
  }
  MEROS_CHECK(tentative == 0);
  for (const auto& [client, account] : accounts) {
    MEROS_CHECK(client->account.charged == account.charged) << client->framework_id;
    MEROS_CHECK(client->pins == account.grants) << client->framework_id;
    MEROS_CHECK(client->offers_in_flight == offers[client]) << client->framework_id;
  }
  for (const auto& [id, framework] : frameworks_) {
    MEROS_CHECK(framework->clients.size() == framework->state.roles.size()) << id;
    for (const auto& [role, client] : framework->clients) {
      MEROS_CHECK(client->framework == framework.get()) << id << " " << role;
      MEROS_CHECK(client->has_demand == WantsOffers(framework->state, role)) << id << " " << role;
    }
  }
}

}  // namespace meros::allocator
