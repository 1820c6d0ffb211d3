#include "services/allocator/core/books.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/allocator/core/demand.h"
#include "services/allocator/core/filters/offers_in_flight.h"

namespace meros::allocator {
namespace {

absl::Status Unknown(absl::string_view kind, absl::string_view id) {
  return absl::FailedPreconditionError(absl::StrCat("unknown ", kind, " ", id));
}

}  // namespace

Books::Books(const Options& options, uint64_t first_proposal, std::string region, Rng rng)
    : mirror(options.fair_sharing_excluded_resource_names,
             RoleTree(options.placement, options.sorter, rng)),
      filters(options.filters_max, options.filters_per_pair_max),
      hoarding(options.hoarding_share, options.hoarding_window),
      first_proposal_(first_proposal),
      sweep_part_(absl::FDivDuration(options.allocation_interval, options.sweep_interval)) {
  mirror.SetRegion(std::move(region));
}

absl::Status Books::Apply(absl::Time now, Change change) {
  absl::Status status = std::visit([&](auto&& c) { return On(now, std::forward<decltype(c)>(c)); },
                                   std::move(change));
  OffersMayFollow();
  return status;
}

// --- Frameworks
// -----------------------------------------------------------------------------------

absl::Status Books::On(absl::Time, UpsertFramework change) {
  FrameworkState& after = change.framework;
  bool wake = false;
  if (const Framework* known = mirror.FindFramework(after.id); known != nullptr) {
    wake = DemandGrew(known->state, after) || (known->held_back && after.active);
    for (const auto& [role, client] : known->clients) {
      const bool asks_again = known->state.suppressed_roles.contains(role) &&
                              !after.suppressed_roles.contains(role);
      if (!after.active || !after.roles.contains(role) || asks_again) {
        filters.DropClient(client->serial);
      }
    }
  } else {
    wake = DemandGrew(FrameworkState{}, after);
  }
  if (after.active) inverse_offers.OnRevive(after.id);
  if (gangs.HoldsFor(after.id)) ReleaseGangHolds();
  mirror.PutFramework(std::move(after));
  if (wake) candidates.MarkAll();
  return absl::OkStatus();
}

absl::Status Books::On(absl::Time, const RemoveFramework& change) {
  Framework* framework = mirror.FindFramework(change.framework);
  if (framework == nullptr) return Unknown("framework", change.framework.value());
  if (gangs.HoldsFor(change.framework)) ReleaseGangHolds();
  gangs.DropFramework(change.framework);
  hoarding.OnFrameworkRemoved(change.framework);
  for (const auto& [role, client] : framework->clients) filters.DropClient(client->serial);
  for (const auto& [agent, count] : framework->holdings) candidates.Mark(agent);
  inverse_offers.OnFrameworkRemoved(change.framework);
  mirror.RemoveFramework(framework);
  QuotaMayGiveWay();
  return absl::OkStatus();
}

absl::Status Books::On(absl::Time, const Revive& change) {
  Framework* framework = mirror.FindFramework(change.framework);
  if (framework == nullptr) return Unknown("framework", change.framework.value());
  const auto revive = [&](const std::string& role, const Client& client) {
    framework->state.suppressed_roles.erase(role);
    filters.DropClient(client.serial);
  };
  for (const auto& [role, client] : framework->clients) {
    if (change.roles.empty() ||
        std::find(change.roles.begin(), change.roles.end(), role) != change.roles.end()) {
      revive(role, *client);
    }
  }
  framework->held_back = false;
  inverse_offers.OnRevive(change.framework);
  mirror.UpdateDemand(framework);
  if (framework->state.active) candidates.MarkAll();
  return absl::OkStatus();
}

absl::Status Books::On(absl::Time, const Suppress& change) {
  Framework* framework = mirror.FindFramework(change.framework);
  if (framework == nullptr) return Unknown("framework", change.framework.value());
  auto& suppressed = framework->state.suppressed_roles;
  if (change.roles.empty()) {
    suppressed = framework->state.roles;
  } else {
    for (const std::string& role : change.roles) {
      if (framework->state.roles.contains(role)) suppressed.insert(role);
    }
  }
  mirror.UpdateDemand(framework);
  return absl::OkStatus();
}

// --- Agents
// ---------------------------------------------------------------------------------------

absl::Status Books::On(absl::Time, UpsertAgent change) {
  const AgentId id = change.agent.id;
  Agent* known = mirror.FindAgent(id);
  if (known != nullptr) ReleaseGangHold(known);
  if (known != nullptr && known->state.traits != change.agent.traits) {
    filters.DropAgent(known->serial);
  }
  const bool is_set = change.agent.maintenance.has_value();
  if ((known == nullptr ? std::nullopt : known->state.maintenance) != change.agent.maintenance) {
    inverse_offers.OnMaintenance(id, is_set);
  }
  mirror.PutAgent(std::move(change.agent));
  candidates.Mark(id);
  QuotaMayGiveWay();
  return absl::OkStatus();
}

absl::Status Books::On(absl::Time now, const RemoveAgent& change) {
  Agent* agent = mirror.FindAgent(change.agent);
  if (agent == nullptr) return Unknown("agent", change.agent.value());
  ReleaseGangHold(agent);
  filters.DropAgent(agent->serial);
  inverse_offers.OnAgentRemoved(change.agent);
  hoarding.OnAgentRemoved(now, change.agent, mirror.roles().totals());
  mirror.RemoveAgent(agent);
  QuotaMayGiveWay();
  return absl::OkStatus();
}

// --- Holdings
// -------------------------------------------------------------------------------------

absl::Status Books::SettleProposal(const Allocate& change, const Tentative** settled) {
  *settled = nullptr;
  if (change.proposal_id < first_proposal_) return absl::OkStatus();
  const auto found = mirror.proposals().find(change.proposal_id);
  if (found == mirror.proposals().end() || !found->second->accepted) {
    return absl::FailedPreconditionError(absl::StrCat(
        "allocation on agent ", change.agent.value(), " for proposal ", change.proposal_id,
        found == mirror.proposals().end() ? ", which is not known" : ", which was not accepted"));
  }
  const Tentative& tentative = *found->second;
  if (tentative.agent == nullptr || tentative.agent->state.id != change.agent ||
      tentative.client->framework_id != change.holder.framework ||
      tentative.client->role->name() != change.holder.role) {
    return absl::FailedPreconditionError(
        absl::StrCat("allocation on agent ", change.agent.value(), " to framework ",
                     change.holder.framework.value(), " in role ", change.holder.role,
                     " is not what proposal ", change.proposal_id, " was for"));
  }
  *settled = &tentative;
  return absl::OkStatus();
}

absl::Status Books::On(absl::Time now, const Allocate& change) {
  Agent* agent = mirror.FindAgent(change.agent);
  if (agent == nullptr) return Unknown("agent", change.agent.value());
  if (mirror.FindFramework(change.holder.framework) == nullptr) {
    return Unknown("framework", change.holder.framework.value());
  }
  const Tentative* settled = nullptr;
  if (absl::Status status = SettleProposal(change, &settled); !status.ok()) return status;
  if (settled == nullptr) ReleaseGangHold(agent);  // the master knows better what is free
  Client* client = mirror.roles().GetClient(change.holder.role, change.holder.framework);
  mirror.roles().Pin(client);  // while it has neither the old holding nor the new one
  if (settled != nullptr) {
    if (settled->resources != change.resources) candidates.Mark(change.agent);
    mirror.Withdraw(change.proposal_id);
    hoarding.OnOffer(now, change.proposal_id, change.holder.framework, change.agent,
                     change.resources, mirror.roles().totals());
  }
  if (!change.resources.empty()) {
    mirror.Hold(agent, client, change.resources, settled == nullptr ? Grant::kYes : Grant::kNo,
                change.offers);
  }
  // That a proposal became an offer is no answer.
  if (HoldsAllItsOffers(*client)) (void)mirror.TakeOffersFell();
  mirror.roles().Unpin(client);
  inverse_offers.OnHolding(change.agent);
  return absl::OkStatus();
}

absl::Status Books::On(absl::Time now, const Recover& change) {
  Agent* agent = mirror.FindAgent(change.agent);
  if (agent == nullptr) return Unknown("agent", change.agent.value());
  const Framework* framework = mirror.FindFramework(change.holder.framework);
  if (framework == nullptr) return Unknown("framework", change.holder.framework.value());
  if (change.proposal_id != 0) {
    hoarding.OnEnded(now, change.proposal_id, mirror.roles().totals());
  }
  if (change.resources.empty() && change.offers == 0) return absl::OkStatus();
  if (absl::Status status = mirror.Release(agent, change.holder, change.resources, change.offers);
      !status.ok() || change.resources.empty()) {
    return status;
  }
  const auto client = framework->clients.find(change.holder.role);
  if (change.refuse > absl::ZeroDuration() && framework->state.active &&
      client != framework->clients.end()) {
    AddFilter(*client->second, *agent, change.resources,
              now + std::min(change.refuse, refuse_max_));
  }
  candidates.Mark(change.agent);
  QuotaMayGiveWay();
  return absl::OkStatus();
}

absl::Status Books::ApplyResult(const ProposalResult& result, absl::Time retry_at) {
  if (result.proposal_id < first_proposal_) return absl::OkStatus();
  const auto found = mirror.proposals().find(result.proposal_id);
  if (found == mirror.proposals().end() || found->second->accepted) {
    return absl::FailedPreconditionError(
        absl::StrCat("result for proposal ", result.proposal_id, ", which is not waiting for one"));
  }
  if (result.reject_reason == RejectReason::kNone) {
    mirror.Accept(result.proposal_id);
    return absl::OkStatus();
  }
  const Tentative& tentative = *found->second;
  if (tentative.gang != 0 && gangs.OnRejected(tentative.gang, retry_at)) ++gangs_rejected_;
  Framework* framework = tentative.client->framework;
  if (Agent* agent = tentative.agent; agent != nullptr) {
    candidates.Mark(agent->state.id);
    if (result.reject_reason == RejectReason::kAgentNotActive) {
      agent->held_back = true;
    } else if (framework != nullptr && tentative.gang == 0) {
      AddFilter(*tentative.client, *agent, tentative.resources, retry_at);
    }
  }
  if (framework != nullptr && (result.reject_reason == RejectReason::kFrameworkNotActive ||
                               result.reject_reason == RejectReason::kTooManyOffers)) {
    framework->held_back = true;
  }
  mirror.Withdraw(result.proposal_id);
  QuotaMayGiveWay();
  OffersMayFollow();
  return absl::OkStatus();
}

// --- Roles
// ----------------------------------------------------------------------------------------

absl::Status Books::On(absl::Time, const SetWeight& change) {
  if (!std::isfinite(change.weight) || change.weight <= 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("weight of role ", change.role, " is ", change.weight, ", must be above 0"));
  }
  mirror.roles().SetWeight(change.role, change.weight);
  return absl::OkStatus();
}

absl::Status Books::On(absl::Time, SetQuota change) {
  ReleaseGangHolds();
  mirror.SetQuota(change.role, std::move(change.quota));
  candidates.MarkAll();
  return absl::OkStatus();
}

absl::Status Books::On(absl::Time, ConfigureRole change) {
  ReleaseGangHolds();
  mirror.roles().Configure(change.role, std::move(change.settings));
  candidates.MarkAll();
  return absl::OkStatus();
}

absl::Status Books::On(absl::Time, SetWhitelist change) {
  ReleaseGangHolds();
  mirror.SetWhitelist(std::move(change.hostnames));
  candidates.MarkAll();
  return absl::OkStatus();
}

absl::Status Books::On(absl::Time, const SetRecovery& change) {
  agents_expected_ = change.agents_expected;
  candidates.MarkAll();
  return absl::OkStatus();
}

absl::Status Books::On(absl::Time now, const SettleInverseOffer& change) {
  inverse_offers.Settle(change.framework, change.agent, now + std::min(change.refuse, refuse_max_));
  return absl::OkStatus();
}

// --- Gangs
// ----------------------------------------------------------------------------------------

absl::Status Books::On(absl::Time now, UpsertGang change) {
  const GangKey& key = change.gang.key;
  if (mirror.FindFramework(key.framework) == nullptr) {
    return Unknown("framework", key.framework.value());
  }
  if (gangs.HoldsFor(key)) ReleaseGangHolds();
  gangs.Put(now, std::move(change.gang));
  candidates.MarkAll();
  return absl::OkStatus();
}

absl::Status Books::On(absl::Time, const RemoveGang& change) {
  if (gangs.HoldsFor(change.gang)) ReleaseGangHolds();
  if (gangs.Remove(change.gang)) return absl::OkStatus();
  return Unknown("gang",
                 absl::StrCat(change.gang.id, " of framework ", change.gang.framework.value()));
}

void Books::ReleaseGangHold(Agent* agent) {
  if (!agent->aside) return;
  gangs.Unplace(agent->state.id);
  mirror.GiveBack(agent);
  candidates.Mark(agent->state.id);
  QuotaMayGiveWay();
}

void Books::ReleaseGangHolds() {
  while (!gangs.places().empty()) {
    ReleaseGangHold(mirror.FindAgent(gangs.places().begin()->first));
  }
}

void Books::ExpireGangHold(absl::Time now) {
  if (gangs.NextDeadline() > now) return;
  ReleaseGangHolds();
  gangs.EndHold();
}

void Books::QuotaMayGiveWay() {
  if (mirror.roles().has_quota()) candidates.WakeQuotaBlocked();
}

void Books::OffersMayFollow() {
  if (mirror.TakeOffersFell()) candidates.WakeOffersBlocked();
}

// --- Filters and batches
// --------------------------------------------------------------------------

void Books::AddFilter(const Client& client, const Agent& agent, const Resources& refused,
                      absl::Time expires) {
  if (!filters.Add(client.serial, agent.serial, refused, expires)) ++filters_dropped_;
}

void Books::ExpireFilters(absl::Time now) {
  std::vector<uint64_t> serials;
  filters.Expire(now, &serials);
  for (const uint64_t serial : serials) {
    if (const Agent* agent = mirror.FindAgentBySerial(serial); agent != nullptr) {
      candidates.Mark(agent->state.id);
    }
  }
}

void Books::BeginBatch() {
  for (const auto& [id, agent] : mirror.agents()) {
    if (!std::exchange(agent->held_back, false)) continue;
    candidates.Mark(id);
  }
  bool any_framework = false;
  for (const auto& [id, framework] : mirror.frameworks()) {
    any_framework = std::exchange(framework->held_back, false) || any_framework;
  }
  if (any_framework) candidates.MarkAll();
  Sweep();
}

void Books::Sweep() {
  const Mirror::Agents& agents = mirror.agents();
  sweep_due_ = std::min(sweep_due_ + sweep_part_ * static_cast<double>(agents.size()),
                        static_cast<double>(agents.size()));
  auto next = agents.upper_bound(swept_);
  for (; sweep_due_ >= 1; sweep_due_ -= 1) {
    if (next == agents.end()) next = agents.begin();
    candidates.Mark(next->first);
    swept_ = next->first;
    ++next;
  }
}

void Books::CheckInvariants() const {
  mirror.CheckInvariants();
  filters.CheckInvariants();
  gangs.CheckInvariants(mirror);
  hoarding.CheckInvariants();
}

}  // namespace meros::allocator
