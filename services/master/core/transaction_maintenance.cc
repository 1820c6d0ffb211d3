// Maintenance: when agents go away, and who was asked to give back what it has there.
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/master/core/transaction.h"

namespace meros::master {

void Transaction::RefreshMaintenance(Agent* agent) {
  std::optional<Unavailability> now = PlannedFor(agent->record, *books_.maintenance.plan);
  if (now == agent->record.unavailability) return;
  EndOffersOf(agent);
  EndInverseOffersOf(*agent);
  agent->record.unavailability = std::move(now);
  agent->record.answers.clear();
  if (agent->is_live()) TellAllocator(Describe(*agent));
  PublishAgent(*agent);
}

InverseOfferRef Transaction::MakeInverseOffer(Framework* framework, Agent* agent) {
  auto offer = std::make_shared<InverseOffer>();
  offer->sequence = books_.next_offer_sequence++;
  offer->id = OfferId(absl::StrCat("O", offer->sequence, "-", rng_.Uuid()));
  offer->framework_id = framework->record.id;
  offer->agent_id = agent->record.id;
  offer->agent_info = agent->record.info;
  offer->agent_ip = agent->record.ip;
  offer->unavailability = *agent->record.unavailability;
  offer->made = now_;
  offer->expires = now_ + options_.offer_timeout;
  books_.inverse_offers.Insert(offer);
  Publish(InverseOfferRef(offer));
  books_.timers.Arm(offer->expires, InverseOfferExpiryTimer{offer->sequence});
  // An earlier answer stands until there is another.
  if (agent->record.answers.try_emplace(offer->framework_id, InverseAnswer{.at = now_}).second) {
    PublishAgent(*agent);
  }
  return offer;
}

void Transaction::NoteInverseAnswer(const InverseOffer& offer, InverseAnswer::Kind kind) {
  Agent* agent = books_.agents.Find(offer.agent_id);
  agent->record.answers[offer.framework_id] = {kind, now_};
  PublishAgent(*agent);
}

void Transaction::EndInverseOffer(const InverseOffer& offer, Rescind rescind,
                                  absl::Duration refuse) {
  if (rescind == Rescind::kTellFramework) {
    Tell(*books_.frameworks.Find(offer.framework_id), RescindInverseOfferEvent{offer.id});
  }
  TellAllocator(InverseOfferResultDelta{offer.framework_id, offer.agent_id, refuse});
  Publish(OfferEnded{offer.sequence});
  books_.inverse_offers.Erase(offer.sequence);  // last: `offer` may live there
}

void Transaction::EndInverseOffersOf(const Agent& agent) {
  for (const uint64_t sequence : books_.inverse_offers.Of(agent.record.id)) {
    EndInverseOffer(*books_.inverse_offers.Find(sequence), Rescind::kTellFramework,
                    absl::ZeroDuration());
  }
}

void Transaction::EndInverseOffersOf(const Framework& framework, Rescind rescind) {
  for (const uint64_t sequence : books_.inverse_offers.Of(framework.record.id)) {
    EndInverseOffer(*books_.inverse_offers.Find(sequence), rescind, absl::ZeroDuration());
  }
}

void Transaction::ForgetAnswersOf(const FrameworkId& framework_id) {
  for (const auto& [sequence, agent] : books_.agents.all()) {
    if (agent->record.answers.erase(framework_id) > 0) PublishAgent(*agent);
  }
}

}  // namespace meros::master
