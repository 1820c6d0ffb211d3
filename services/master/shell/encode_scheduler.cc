#include "services/master/shell/encode_scheduler.h"

#include <utility>

#include "libs/wire/resources_proto.h"
#include "services/master/view/encode_offer.h"

namespace meros::master {
namespace {

using v1::scheduler::Event;

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
  const wire::ResourceFormat format{.refinement = e.shows_refinement,
                                    .allocation = e.shows_allocation};
  for (const OfferRef& offer : e.offers) {
    Encode(*offer, format, out->mutable_offers()->add_offers());
  }
}
void Fill(const RescindEvent& e, const v1::MasterInfo&, Event* out) {
  out->set_type(Event::RESCIND);
  out->mutable_rescind()->mutable_offer_id()->set_value(e.offer_id.value());
}
void Fill(const InverseOffersEvent& e, const v1::MasterInfo&, Event* out) {
  out->set_type(Event::INVERSE_OFFERS);
  for (const InverseOfferRef& offer : e.offers) {
    Encode(*offer, out->mutable_inverse_offers()->add_inverse_offers());
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
