#include "services/master/core/allocator_session.h"

#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "libs/resources/roles.h"
#include "services/master/core/role_changes.h"
#include "services/master/core/role_rules.h"
#include "services/master/core/whitelist.h"

namespace meros::master {
namespace {

using Reject = ProposalResultMessage::Reject;

// Everything that is held, summed by who holds it where, so that the snapshot's size is that of the
// cluster, not that of its tasks.
void SendHoldings(Transaction* tx, const Agent& agent) {
  struct Holding {
    resources::Resources resources;
    uint32_t offers = 0;
  };
  absl::btree_map<std::pair<FrameworkId, std::string>, Holding> held;
  for (const auto& [sequence, task] : agent.tasks) {
    if (task->holds_resources) {
      held[{task->framework_id(), task->role()}].resources += task->resources();
    }
  }
  for (const auto& [key, executor] : agent.executors) {
    if (executor.resources.empty()) continue;
    held[{executor.framework_id, executor.role}].resources += executor.resources;
  }
  for (uint64_t sequence : agent.offers) {
    const Offer* offer = tx->books().offers.Find(sequence);
    Holding& holding = held[{offer->framework_id, offer->role}];
    holding.resources += offer->resources;
    ++holding.offers;
  }
  for (auto& [holder, holding] : held) {
    tx->SendAllocator(AllocateDelta{holder.first, holder.second, agent.record.id,
                                    std::move(holding.resources), /*proposal_id=*/0,
                                    holding.offers});
  }
}

// While agents are awaited that run tasks, what is free looks larger than it is.
void SendRecovery(Transaction* tx) {
  const AgentBook& agents = tx->books().agents;
  if (agents.recovering() == 0) return;
  uint64_t expected = agents.recovering();
  for (const auto& [sequence, agent] : agents.all()) expected += agent->is_live() ? 1 : 0;
  tx->SendAllocator(RecoveryDelta{expected});
}

void SendSnapshot(Transaction* tx) {
  const uint64_t version = tx->books().allocator_version;
  tx->SendAllocator(SnapshotBeginMessage{version});
  SendRecovery(tx);
  SendWhitelist(tx);
  SendRoles(tx);
  for (const auto& [sequence, framework] : tx->books().frameworks.all()) {
    tx->SendAllocator(tx->Describe(*framework));
  }
  for (const auto& [sequence, agent] : tx->books().agents.all()) {
    if (agent->is_live()) tx->SendAllocator(tx->Describe(*agent));
  }
  for (const auto& [sequence, agent] : tx->books().agents.all()) SendHoldings(tx, *agent);
  for (const auto& [sequence, gang] : tx->books().gangs.all()) {
    tx->SendAllocator(tx->Describe(gang));
  }
  tx->SendAllocator(SnapshotEndMessage{version});
}

}  // namespace

bool ExceedsNewLimit(const Books& books, absl::string_view role, uint64_t based_on_version,
                     const resources::ResourceQuantities& amount) {
  if (based_on_version >= books.limits_version) return false;
  for (; !role.empty(); role = resources::ParentRole(role)) {
    auto config = books.roles.all().find(role);
    if (config == books.roles.all().end() || config->second->quota.limits.empty()) continue;
    const RoleUsage usage = UsageOf(books.frameworks, role);
    for (const auto& [name, wanted] : amount) {
      const auto limit = config->second->quota.limits.Get(name);
      if (limit.has_value() && usage.used.Get(name) + usage.offered.Get(name) + wanted > *limit) {
        return true;
      }
    }
  }
  return false;
}

Reject JudgeProposal(Transaction* tx, const Proposal& proposal) {
  if (!proposal.fault.ok()) return Reject::kInvalid;
  const Framework* framework = tx->books().frameworks.Find(proposal.framework_id);
  if (framework == nullptr || !framework->is_connected() ||
      !framework->record.subscription.HasRole(proposal.role)) {
    return Reject::kFrameworkNotActive;
  }
  const Agent* agent = tx->books().agents.Find(proposal.agent_id);
  if (agent == nullptr || !agent->may_offer()) return Reject::kAgentNotActive;
  if (framework->offers.size() >= tx->options().max_offers_per_framework) {
    return Reject::kTooManyOffers;
  }
  if (!agent->record.Free().Contains(proposal.resources)) return Reject::kNotFree;
  if (ExceedsNewLimit(tx->books(), proposal.role, proposal.based_on_version,
                      proposal.resources.ScalarQuantities())) {
    return Reject::kNotFree;
  }
  return Reject::kNone;
}

void HandleAllocatorConnected(Transaction* tx, StreamId stream) {
  Books& books = tx->books();
  if (books.allocator_stream != 0) {
    tx->Close(books.allocator_stream, absl::AbortedError("another session replaced this one"));
  }
  books.allocator_stream = stream;
  books.allocator_version = 1;
  books.limits_version = 0;
  tx->SendAllocator(HelloMessage{tx->epoch(), tx->options().domain.region});
  SendSnapshot(tx);
}

void HandleAllocatorNeedsSnapshot(Transaction* tx, StreamId stream) {
  if (tx->books().allocator_stream == stream) SendSnapshot(tx);
}

void HandleAllocatorClosed(Transaction* tx, StreamId stream) {
  if (tx->books().allocator_stream == stream) tx->books().allocator_stream = 0;
}

void HandleProposals(Transaction* tx, AllocatorProposals message) {
  if (tx->books().allocator_stream != message.stream) return;
  for (GangProposal& gang : message.gangs) HandleGangProposal(tx, std::move(gang));
  // One event per framework, whatever the number of agents.
  absl::btree_map<uint64_t, std::vector<OfferRef>> by_framework;
  for (Proposal& proposal : message.proposals) {
    const Reject reject = JudgeProposal(tx, proposal);
    tx->SendAllocator(ProposalResultMessage{proposal.id, reject});
    if (reject != Reject::kNone) {
      tx->Add(Count::kProposalsRejected);
      continue;
    }
    Framework* framework = tx->books().frameworks.Find(proposal.framework_id);
    Agent* agent = tx->books().agents.Find(proposal.agent_id);
    by_framework[framework->record.sequence].push_back(
        tx->MakeOffer(framework, agent, proposal.role, std::move(proposal.resources), proposal.id));
  }
  for (auto& [sequence, offers] : by_framework) {
    const Framework& framework = *tx->books().frameworks.all().at(sequence);
    tx->Tell(framework, OffersEvent{std::move(offers), framework.record.subscription.multi_role,
                                    framework.record.subscription.reservation_refinement});
  }
}

}  // namespace meros::master
