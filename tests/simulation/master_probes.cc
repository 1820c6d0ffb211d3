#include "tests/simulation/master_probes.h"

#include "libs/simulation/probes.h"

namespace meros::simulation {
namespace {

using master::Count;
using master::LeadershipState;

void ProbeCount(Count what) {
  switch (what) {
    case Count::kOffersExpired:
      return Sometimes<"an offer expires">(true);
    case Count::kProposalsRejected:
      return Sometimes<"a proposal comes too late">(true);
    case Count::kRegistryRetries:
      return Sometimes<"a record is written again">(true);
    case Count::kDeferredInputs:
      return Sometimes<"a fenced leader puts off what it is told">(true);
    case Count::kInvalidAcknowledgements:
      return Sometimes<"an acknowledgement is not of the latest update">(true);
    case Count::kInvalidStatusUpdates:
      return Sometimes<"an update of an unknown task">(true);
    case Count::kAgentDigestsMatched:
      return Sometimes<"an agent returns as it was">(true);
    case Count::kLeaderWaits:
      return Sometimes<"one who lost the leader waits at another master">(true);
    case Count::kEarlyReports:
      return Sometimes<"an agent reports before a master leads">(true);
    case Count::kAgentReportsAsked:
      return Sometimes<"an agent returns with something new">(true);
    case Count::kRepeatedRequests:
      return Sometimes<"a call is answered as its first try was">(true);
    case Count::kRoleChanges:
      return Sometimes<"something is set of a role">(true);
    case Count::kOffersRescindedForQuota:
      return Sometimes<"an offer is above a new limit">(true);
    case Count::kAgentsDrained:
      return Sometimes<"an agent is drained">(true);
    case Count::kAgentsGone:
      return Sometimes<"an agent is declared gone">(true);
    case Count::kAgentsRefusedDown:
      return Sometimes<"an agent comes that is to be down">(true);
    case Count::kAgentsSentAway:
      return Sometimes<"an agent is sent away to be down">(true);
    case Count::kInverseOffersAccepted:
      return Sometimes<"an inverse offer is accepted">(true);
    case Count::kInverseOffersDeclined:
      return Sometimes<"an inverse offer is declined">(true);
    default:
      return;
  }
}

void ProbeLeadership(const master::LeadershipRecord& record) {
  const bool leads = record.state == LeadershipState::kLeading;
  Sometimes<"a leader is fenced">(record.state == LeadershipState::kFenced);
  Sometimes<"a new leader waits for agents">(leads && record.agents_recovering > 0);
  Sometimes<"all agents have returned to a new leader">(leads && record.agents_to_recover > 0 &&
                                                        record.agents_recovering == 0);
}

void ProbePolicy(const master::RolePolicy& policy) {
  Sometimes<"a role has a placement">(policy.placement != master::RolePlacement::kInherited);
  Sometimes<"a role has a sorter">(policy.sorter != master::RoleSorter::kInherited);
  Sometimes<"a role has an offer split">(policy.offer_split != master::RoleOfferSplit::kInherited);
  Sometimes<"a role has a minimum of offers">(policy.min_allocatable.has_value());
  Sometimes<"a role has a timeout of offers">(policy.offer_timeout.has_value());
  Sometimes<"a role has a bound of offers in flight">(policy.max_offers_in_flight > 0);
  Sometimes<"a role has a bound of an offer">(!policy.offer_max.empty());
}

void ProbeWrite(const master::RegistryRecord& record) {
  const auto* orders = std::get_if<master::AgentOrdersRecord>(&record);
  if (orders == nullptr) return;
  Sometimes<"frameworks are asked before an agent is drained">(
      orders->agent.orders.drain == master::AgentOrders::Drain::kAsked);
}

}  // namespace

void ProbeMaster(const master::Effect& effect) {
  if (const auto* counted = std::get_if<master::Counted>(&effect)) return ProbeCount(counted->what);
  Sometimes<"a guarantee takes back what another role holds">(
      std::holds_alternative<std::shared_ptr<const master::Preempted>>(effect));
  if (const auto* write = std::get_if<master::WriteRegistry>(&effect)) ProbeWrite(*write->record);
  if (const auto* published = std::get_if<master::Publish>(&effect)) {
    const auto* leadership = std::get_if<master::LeadershipRecord>(&published->change);
    if (leadership != nullptr) ProbeLeadership(*leadership);
    const auto* role = std::get_if<master::RoleChanged>(&published->change);
    if (role != nullptr) ProbePolicy(role->config->policy);
  }
}

}  // namespace meros::simulation
