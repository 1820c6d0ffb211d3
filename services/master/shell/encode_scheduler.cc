#include "services/master/shell/encode_scheduler.h"

#include <utility>

#include "libs/resources/resources.h"
#include "libs/wire/resources_proto.h"

namespace meros::master {
namespace {

using v1::scheduler::Event;

// Used by network isolators alone: frameworks are not shown it.
bool IsShown(const resources::Resource& resource) {
  return resource.name() != resources::ResourceName::EphemeralPorts();
}

void Encode(const Offer& offer, const OffersEvent& event, v1::Offer* out) {
  out->mutable_id()->set_value(offer.id.value());
  out->mutable_framework_id()->set_value(offer.framework_id.value());
  out->mutable_agent_id()->set_value(offer.agent_id.value());
  out->set_hostname(offer.agent_info->hostname());
  if (offer.agent_info->has_domain()) *out->mutable_domain() = offer.agent_info->domain();
  *out->mutable_attributes() = offer.agent_info->attributes();
  for (const ExecutorId& id : offer.executors) out->add_executor_ids()->set_value(id.value());
  if (!offer.gang_id.empty()) out->set_gang_id(offer.gang_id);
  if (offer.unavailability) *out->mutable_unavailability() = MessageOf(*offer.unavailability);
  if (event.shows_allocation) out->mutable_allocation_info()->set_role(offer.role);
  wire::ResourcesToProto(
      offer.resources.WithAllocationRole(offer.role).Filter(IsShown), out->mutable_resources(),
      {.refinement = event.shows_refinement, .allocation = event.shows_allocation});
}

void Fill(const SubscribedEvent& e, const v1::MasterInfo& master, Event* out) {
  out->set_type(Event::SUBSCRIBED);
  out->mutable_subscribed()->mutable_framework_id()->set_value(e.framework_id.value());
  out->mutable_subscribed()->set_heartbeat_interval_seconds(
      absl::ToDoubleSeconds(e.heartbeat_interval));
  *out->mutable_subscribed()->mutable_master_info() = master;
}
void Fill(const HeartbeatEvent&, const v1::MasterInfo&, Event* out) {
  out->set_type(Event::HEARTBEAT);
}
void Fill(const OffersEvent& e, const v1::MasterInfo&, Event* out) {
  out->set_type(Event::OFFERS);
  for (const OfferRef& offer : e.offers) Encode(*offer, e, out->mutable_offers()->add_offers());
}
void Fill(const RescindEvent& e, const v1::MasterInfo&, Event* out) {
  out->set_type(Event::RESCIND);
  out->mutable_rescind()->mutable_offer_id()->set_value(e.offer_id.value());
}
void Fill(const InverseOffersEvent& e, const v1::MasterInfo&, Event* out) {
  out->set_type(Event::INVERSE_OFFERS);
  for (const InverseOfferRef& offer : e.offers) {
    v1::InverseOffer* message = out->mutable_inverse_offers()->add_inverse_offers();
    message->mutable_id()->set_value(offer->id.value());
    message->mutable_framework_id()->set_value(offer->framework_id.value());
    message->mutable_agent_id()->set_value(offer->agent_id.value());
    *message->mutable_unavailability() = MessageOf(offer->unavailability);
  }
}
void Fill(const RescindInverseOfferEvent& e, const v1::MasterInfo&, Event* out) {
  out->set_type(Event::RESCIND_INVERSE_OFFER);
  out->mutable_rescind_inverse_offer()->mutable_inverse_offer_id()->set_value(e.offer_id.value());
}
void Fill(const UpdateEvent& e, const v1::MasterInfo&, Event* out) {
  out->set_type(Event::UPDATE);
  *out->mutable_update()->mutable_status() = *e.status;
}
void Fill(const OperationEvent& e, const v1::MasterInfo&, Event* out) {
  out->set_type(Event::UPDATE_OPERATION_STATUS);
  *out->mutable_update_operation_status()->mutable_status() = *e.status;
}
void Fill(const MessageEvent& e, const v1::MasterInfo&, Event* out) {
  out->set_type(Event::MESSAGE);
  out->mutable_message()->mutable_agent_id()->set_value(e.agent_id.value());
  out->mutable_message()->mutable_executor_id()->set_value(e.executor_id.value());
  out->mutable_message()->set_data(e.data);
}
void Fill(const FailureEvent& e, const v1::MasterInfo&, Event* out) {
  out->set_type(Event::FAILURE);
  out->mutable_failure()->mutable_agent_id()->set_value(e.agent_id.value());
  if (e.executor_id.empty()) return;
  out->mutable_failure()->mutable_executor_id()->set_value(e.executor_id.value());
  out->mutable_failure()->set_status(e.wait_status);
}
void Fill(const GangEndedEvent& e, const v1::MasterInfo&, Event* out) {
  out->set_type(Event::GANG_ENDED);
  out->mutable_gang_ended()->set_gang_id(e.gang_id);
  // The numbers are the same.
  out->mutable_gang_ended()->set_reason(static_cast<Event::GangEnded::Reason>(e.reason));
  out->mutable_gang_ended()->set_message(e.message);
}
void Fill(const ErrorEvent& e, const v1::MasterInfo&, Event* out) {
  out->set_type(Event::ERROR);
  out->mutable_error()->set_message(e.message);
}

}  // namespace

void EncodeEvent(const ToScheduler::Event& event, const v1::MasterInfo& master, Event* out) {
  std::visit([&](const auto& e) { Fill(e, master, out); }, event);
}

}  // namespace meros::master
