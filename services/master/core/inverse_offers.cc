#include "services/master/core/inverse_offers.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/strings/str_cat.h"
#include "services/master/core/agent_orders.h"

namespace meros::master {
namespace {

// Whether the framework has something on the agent that it could give back.
bool Holds(const Books& books, const Framework& framework, const Agent& agent) {
  const FrameworkId& id = framework.record.id;
  const auto is_its = [&](const auto& entry) {
    return entry.second->framework_id() == id && entry.second->holds_resources;
  };
  if (std::any_of(agent.tasks.begin(), agent.tasks.end(), is_its)) return true;
  const auto executor = agent.executors.lower_bound({id, ExecutorId()});
  if (executor != agent.executors.end() && executor->first.first == id) return true;
  return std::any_of(agent.offers.begin(), agent.offers.end(), [&](uint64_t sequence) {
    return books.offers.Find(sequence)->framework_id == id;
  });
}

}  // namespace

void HandleInverseProposals(Transaction* tx, const AllocatorInverseOffers& message) {
  const Books& books = tx->books();
  if (books.allocator_stream != message.stream) return;
  // One event per framework, whatever the number of agents.
  absl::btree_map<uint64_t, std::vector<InverseOfferRef>> by_framework;
  for (const InverseProposal& proposal : message.proposals) {
    Framework* framework = books.frameworks.Find(proposal.framework_id);
    Agent* agent = books.agents.Find(proposal.agent_id);
    if (framework == nullptr || agent == nullptr || !agent->is_live()) continue;  // it hears of it
    // An allocator that starts anew does not know of it; it is told when there is an answer.
    if (books.inverse_offers.Find(proposal.framework_id, proposal.agent_id) != nullptr) continue;
    if (!framework->is_connected() || !agent->record.unavailability.has_value() ||
        !Holds(books, *framework, *agent)) {
      tx->TellAllocator(InverseOfferResultDelta{proposal.framework_id, proposal.agent_id, {}});
      continue;
    }
    by_framework[framework->record.sequence].push_back(tx->MakeInverseOffer(framework, agent));
  }
  for (auto& [sequence, offers] : by_framework) {
    tx->Tell(*books.frameworks.all().at(sequence), InverseOffersEvent{std::move(offers)});
  }
}

absl::Status HandleAnswerInverseOffers(Transaction* tx, Framework* framework,
                                       const AnswerInverseOffers& call) {
  bool is_any = false;
  for (const OfferId& id : call.offers) {
    const InverseOffer* offer = tx->books().inverse_offers.Find(id);
    if (offer == nullptr || offer->framework_id != framework->record.id) continue;
    is_any = true;
    const AgentId agent_id = offer->agent_id;
    tx->NoteInverseAnswer(
        *offer, call.accepted ? InverseAnswer::Kind::kAccepted : InverseAnswer::Kind::kDeclined);
    tx->EndInverseOffer(*offer, Rescind::kSilently, call.refuse);
    tx->Add(call.accepted ? Count::kInverseOffersAccepted : Count::kInverseOffersDeclined);
    if (call.accepted) ContinueDrain(tx, agent_id);
  }
  if (is_any) return absl::OkStatus();
  return absl::NotFoundError(
      absl::StrCat(call.accepted ? "accept" : "decline",
                   "_inverse_offers.inverse_offer_ids: none of them is an inverse offer of this "
                   "framework now"));
}

void OnInverseOfferExpiry(Transaction* tx, uint64_t sequence) {
  const InverseOffer* offer = tx->books().inverse_offers.Find(sequence);
  if (offer == nullptr) return;
  tx->EndInverseOffer(*offer, Rescind::kTellFramework, absl::ZeroDuration());
  tx->Add(Count::kInverseOffersExpired);
}

}  // namespace meros::master
