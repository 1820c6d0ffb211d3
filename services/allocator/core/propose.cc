#include "services/allocator/core/propose.h"

#include <optional>
#include <utility>
#include <vector>

#include "services/allocator/core/filters/agent_wishes.h"
#include "services/allocator/core/filters/capabilities.h"
#include "services/allocator/core/filters/min_allocatable.h"
#include "services/allocator/core/filters/offer_parts.h"
#include "services/allocator/core/filters/offer_size.h"
#include "services/allocator/core/filters/offers_in_flight.h"
#include "services/allocator/core/placement.h"
#include "services/allocator/core/quota_headroom.h"

namespace meros::allocator {
namespace {

// Slices of one agent that one client may get in one run: a role whose offers are tiny must not
// keep all others waiting.
constexpr int kRoundsMax = 64;

// Looks for the client that is offered what is free on one agent; the visitor of a walk.
class AgentVisit {
 public:
  AgentVisit(Books* books, const Options& options, const QuotaHeadroom& headroom, Pass pass,
             const Agent& agent, uint64_t visit, RunReport* report)
      : books_(*books),
        options_(options),
        headroom_(headroom),
        pass_(pass),
        agent_(agent),
        refusals_(books->filters.Find(agent.serial)),
        visit_(visit),
        report_(*report) {}

  bool EnterSubtree(const RoleNode& role) {
    return pass_ == Pass::kFairShare || headroom_.HasShortfallWithin(role);
  }

  bool EnterRole(const RoleNode& role) {
    if (pass_ == Pass::kGuarantees && !headroom_.HasShortfall(role)) return false;
    if (agent_.has_reserved) {
      for_role_ = agent_.free.AllocatableTo(role.name());
      available_ = &for_role_;
    } else {
      available_ = &agent_.free;
    }
    if (!available_->empty()) return true;
    Count(Gate::kNothing);
    return false;
  }

  bool Visit(const Client& client) {
    // Earlier walks of this visit have looked at it when more was free; it cannot pass now.
    if (client.visited == visit_) return false;
    client.visited = visit_;
    const Gate gate = Consider(client);
    Count(gate);
    return gate == Gate::kOffered;
  }

  // What the client at which the walk stopped is offered: one offer each.
  std::vector<Resources> TakeOffers() { return std::move(offers_); }

  // Those of the walk whom limits leave nothing on any agent, with the role whose limits they are.
  // What is revocable is not limited, and who may use it is not among them.
  using Forbidden = std::vector<std::pair<const Client*, const RoleNode*>>;
  Forbidden TakeForbidden() { return std::exchange(forbidden_, {}); }

  // Whether someone could have had more since the last round, so that another round finds more.
  bool was_sliced() const { return was_sliced_; }
  // Everyone is looked at once more, and what is left when each had its part is not divided again.
  void BeginRound(uint64_t visit) {
    visit_ = visit;
    was_sliced_ = false;
    divides_ = false;
  }

 private:
  Gate Consider(const Client& client) {
    const Framework& framework = *client.framework;
    const Capabilities& capabilities = framework.state.capabilities;
    if (framework.held_back) return Gate::kHeldBack;
    if (HoldsAllItsOffers(client)) {
      books_.candidates.NoteOffersBlocked(agent_.state.id);
      return Gate::kOffersInFlight;
    }
    if (!MayUseAgent(capabilities, agent_, options_.filter_gpu_resources)) {
      return Gate::kCapability;
    }
    if (!MayUseRegion(capabilities, agent_)) return Gate::kRegion;
    if (!WantsAgent(client, agent_)) return Gate::kConstraints;
    const Resources* offer = available_;
    Resources usable;
    if (HasUnusable(capabilities, agent_)) {
      usable = StripUnusable(capabilities, *offer);
      offer = &usable;
    }
    if (offer->empty()) return Gate::kNothing;
    const MinAllocatable& minimum = MinAllocatableOf(client, options_.min_allocatable);
    if (!minimum.SatisfiedBy(*offer)) return Gate::kBelowMinimum;
    Resources cut;
    if (headroom_.applies()) {
      cut = headroom_.Cut(*client.role, *offer, pass_);
      if (cut != *offer) books_.candidates.NoteQuotaBlocked(agent_.state.id);
      if (cut.empty() || !minimum.SatisfiedBy(cut)) {
        NoteIfForbidden(client, minimum);
        return Gate::kQuota;
      }
      offer = &cut;
    }
    Resources part;
    if (divides_ && client.role->offer_split() == OfferSplit::kByDemand) {
      part = CutToPart(*offer, agent_.state.total.ScalarQuantities(),
                       books_.mirror.roles().demanding_count(), minimum);
      was_sliced_ = was_sliced_ || part != *offer;
      offer = &part;
    }
    const ResourceLimits& most = client.role->offer_max();
    Resources slice;
    if (!most.empty()) {
      slice = CutToSize(*offer, most);
      if (slice.empty() || !minimum.SatisfiedBy(slice)) return Gate::kBelowMinimum;
      was_sliced_ = was_sliced_ || slice != *offer;
      offer = &slice;
    }
    Resources with_shared;
    if (capabilities.shared_resources && !agent_.shared_unoffered.empty()) {
      with_shared = *offer + agent_.shared_unoffered.AllocatableTo(client.role->name());
      offer = &with_shared;
    }
    return ConsiderRefusals(client, *offer, minimum);
  }

  // Each part may be refused by itself.
  Gate ConsiderRefusals(const Client& client, const Resources& offer,
                        const MinAllocatable& minimum) {
    const auto is_refused = [&](const Resources& part) {
      return refusals_ != nullptr && refusals_->Blocks(client.serial, part);
    };
    offers_.clear();
    if (!agent_.has_revocable && agent_.shared.empty()) {
      if (is_refused(offer)) return Gate::kRefused;
      offers_.push_back(offer);
      return Gate::kOffered;
    }
    Resources left;
    for (Resources& part : PartsOf(offer)) {
      if (is_refused(part)) continue;
      left += part;
      offers_.push_back(std::move(part));
    }
    if (left.empty()) return Gate::kRefused;
    return minimum.SatisfiedBy(left) ? Gate::kOffered : Gate::kBelowMinimum;
  }

  void NoteIfForbidden(const Client& client, const MinAllocatable& minimum) {
    if (client.framework->state.capabilities.revocable_resources) return;
    const RoleNode* const limited = headroom_.ForbiddenBy(*client.role, minimum);
    if (limited != nullptr) forbidden_.emplace_back(&client, limited);
  }

  void Count(Gate gate) { ++report_.gates[static_cast<size_t>(gate)]; }

  Books& books_;
  const Options& options_;
  const QuotaHeadroom& headroom_;
  const Pass pass_;
  const Agent& agent_;
  const RefuseFilters::OnAgent* const refusals_;  // null if there are none
  uint64_t visit_;
  RunReport& report_;
  bool was_sliced_ = false;
  bool divides_ = true;

  Resources for_role_;
  const Resources* available_ = nullptr;
  std::vector<Resources> offers_;
  Forbidden forbidden_;
};

class Run {
 public:
  Run(Books* books, const RunContext& context, absl::FunctionRef<void(Proposal)> emit)
      : books_(*books), context_(context), emit_(emit), headroom_(books->mirror) {}

  RunReport Execute(std::vector<Agent*> agents) {
    const RoleTree& roles = books_.mirror.roles();
    if (roles.demanding_count() == 0 && roles.parked_count() == 0) return report_;
    report_.agents = agents.size();
    for (Agent* agent : agents) agent->shared_unoffered = agent->shared;
    if (headroom_.has_shortfall()) Offer(&agents, Pass::kGuarantees);
    Offer(&agents, Pass::kFairShare);
    return report_;
  }

 private:
  void Offer(std::vector<Agent*>* agents, Pass pass) {
    AgentOrder order(agents, books_.mirror, context_.rng);
    while (Agent* agent = order.Next()) {
      if (pass == Pass::kGuarantees && !headroom_.has_shortfall()) return;
      if (!HasRoom()) {
        // Looked at again when results have made room.
        books_.candidates.Mark(agent->state.id);
      } else if (!agent->free.empty()) {
        OfferAgent(agent, pass);
      }
    }
  }

  bool HasRoom() const {
    return books_.mirror.proposals().size() < context_.options->proposals_waiting_max;
  }

  void OfferAgent(Agent* agent, Pass pass) {
    RoleTree& roles = books_.mirror.roles();
    if (roles.parked_count() > 0 && agent->has_reserved) WakeForReservations(*agent);
    OfferInRounds(agent, pass);
    // Nobody who is parked was asked, and they would have said that quota is the reason.
    if (roles.parked_count() > 0 && !agent->free.empty()) {
      books_.candidates.NoteQuotaBlocked(agent->state.id);
    }
  }

  // What is reserved is not subject to quota.
  void WakeForReservations(const Agent& agent) {
    for (const resources::Resource& resource : agent.state.total) {
      if (resource.is_reserved())
        books_.mirror.roles().WakeWithin(ReservationRole(*resource.metadata()));
    }
  }

  void OfferInRounds(Agent* agent, Pass pass) {
    AgentVisit visit(&books_, *context_.options, headroom_, pass, *agent, books_.NextVisit(),
                     &report_);
    bool has_granted = false;  // in this round: without, another one would find nothing either
    for (int rounds = 1; HasRoom() && rounds <= kRoundsMax;) {
      Client* const client = books_.mirror.roles().Walk(visit);
      for (const auto& [forbidden, limited] : visit.TakeForbidden()) {
        books_.mirror.roles().Park(*forbidden, *limited);
      }
      if (client != nullptr) {
        for (Resources& offer : visit.TakeOffers()) {
          if (HasRoom()) Grant(agent, client, std::move(offer));
        }
        if (agent->free.empty()) return;
        has_granted = true;
      } else if (visit.was_sliced() && has_granted) {
        visit.BeginRound(books_.NextVisit());
        has_granted = false;
        ++rounds;
      } else {
        return;
      }
    }
    books_.candidates.Mark(agent->state.id);
  }

  void Grant(Agent* agent, Client* client, Resources resources) {
    const uint64_t id = (*context_.next_id)++;
    if (!agent->shared_unoffered.empty()) agent->shared_unoffered -= resources.Shared();
    ++report_.proposals;
    emit_({id, context_.version, client->framework_id, client->role->name(), agent->state.id,
           resources});
    books_.mirror.Propose(id, agent, client, std::move(resources), context_.now);
  }

  Books& books_;
  const RunContext& context_;
  const absl::FunctionRef<void(Proposal)> emit_;
  QuotaHeadroom headroom_;
  RunReport report_;
};

}  // namespace

absl::string_view GateName(Gate gate) {
  switch (gate) {
    case Gate::kOffered:
      return "offered";
    case Gate::kHeldBack:
      return "held_back";
    case Gate::kOffersInFlight:
      return "offers_in_flight";
    case Gate::kNothing:
      return "nothing";
    case Gate::kCapability:
      return "capability";
    case Gate::kRegion:
      return "region";
    case Gate::kConstraints:
      return "constraints";
    case Gate::kQuota:
      return "quota";
    case Gate::kBelowMinimum:
      return "below_minimum";
    case Gate::kRefused:
      return "refused";
  }
  return "unknown";
}

RunReport Propose(Books* books, const RunContext& context, std::vector<Agent*> agents,
                  absl::FunctionRef<void(Proposal)> emit) {
  return Run(books, context, emit).Execute(std::move(agents));
}

}  // namespace meros::allocator
