#include "services/master/view/encode_view.h"

#include <string>

#include "libs/base/check.h"
#include "libs/wire/resources_proto.h"
#include "services/master/view/task_writer.h"

namespace meros::master {
namespace {

v1::allocator::InverseOfferStatus::Status StatusOf(InverseAnswer::Kind kind) {
  using Status = v1::allocator::InverseOfferStatus;
  switch (kind) {
    case InverseAnswer::Kind::kNone: return Status::UNKNOWN;
    case InverseAnswer::Kind::kAccepted: return Status::ACCEPT;
    case InverseAnswer::Kind::kDeclined: return Status::DECLINE;
  }
  return Status::UNKNOWN;
}

}  // namespace

double SecondsOf(absl::Time time) {
  if (time == absl::InfinitePast() || time == absl::InfiniteFuture()) return 0;
  return absl::ToDoubleSeconds(time - absl::UnixEpoch());
}

void EncodeQuantities(const resources::ResourceQuantities& quantities,
                      google::protobuf::RepeatedPtrField<v1::Resource>* out) {
  for (const auto& [name, amount] : quantities) {
    v1::Resource* resource = out->Add();
    resource->set_name(std::string(name.text()));
    resource->set_type(v1::Value::SCALAR);
    resource->mutable_scalar()->set_value(amount.ToDouble());
  }
}

v1::master::AgentView::State StateOf(AgentState state) {
  using View = v1::master::AgentView;
  switch (state) {
    case AgentState::kRecovered:
      return View::RECOVERED;
    case AgentState::kRegistered:
      return View::CONNECTED;
    case AgentState::kRemoving:
    case AgentState::kAdmitting:
    case AgentState::kDisconnected:
    case AgentState::kMarkingUnreachable:
      return View::DISCONNECTED;
    case AgentState::kUnreachable:
    case AgentState::kReadmitting:
      return View::UNREACHABLE;
    case AgentState::kGone:
      return View::GONE;
  }
  return View::STATE_UNSPECIFIED;
}

v1::master::FrameworkView::State StateOf(FrameworkState state) {
  using View = v1::master::FrameworkView;
  switch (state) {
    case FrameworkState::kRecovered:
      return View::RECOVERED;
    case FrameworkState::kConnected:
      return View::CONNECTED;
    case FrameworkState::kDisconnected:
      return View::DISCONNECTED;
    case FrameworkState::kRemoving:
      return View::REMOVING;
    case FrameworkState::kCompleted:
      return View::COMPLETED;
  }
  return View::STATE_UNSPECIFIED;
}

void Encode(const AgentEntry& entry, v1::master::AgentView* out) {
  *out->mutable_info() = *entry.record->info;
  out->mutable_info()->mutable_id()->set_value(entry.record->id.value());
  EncodeAllButInfo(entry, out);
}

void EncodeAllButInfo(const AgentEntry& entry, v1::master::AgentView* out) {
  const AgentRecord& record = *entry.record;
  out->set_state(StateOf(record.state));
  out->set_active(record.may_offer());
  out->set_deactivated(record.orders.deactivated);
  if (record.orders.drain != AgentOrders::Drain::kNone) {
    *out->mutable_drain_info() = DrainInfoOf(record.orders);
  }
  wire::ResourcesToProto(record.total, out->mutable_total());
  wire::ResourcesToProto(entry.used, out->mutable_used());
  wire::ResourcesToProto(entry.offered, out->mutable_offered());
  out->set_service_address(record.service_address);
  out->set_version(record.version);
  out->set_registered_time(SecondsOf(record.registered));
  out->set_reregistered_time(SecondsOf(record.reregistered));
  out->set_tasks_active(entry.tasks_active);
  out->set_tasks_unacknowledged(entry.tasks_unacknowledged);
  out->set_unreachable_time(SecondsOf(record.unreachable_since));
  if (record.unavailability) *out->mutable_unavailability() = MessageOf(*record.unavailability);
  out->set_drain_delay_until(SecondsOf(record.orders.delay_until));
  out->set_drain_ordered_time(SecondsOf(record.orders.ordered));
  record.capabilities.ForEach([&](auto type) { out->add_capabilities()->set_type(type); });
  for (const auto& [framework_id, answer] : record.answers) {
    Encode(framework_id, answer, out->add_inverse_offer_statuses());
  }
}

void Encode(const FrameworkId& framework_id, const InverseAnswer& answer,
            v1::allocator::InverseOfferStatus* out) {
  out->set_status(StatusOf(answer.kind));
  out->mutable_framework_id()->set_value(framework_id.value());
  out->mutable_timestamp()->set_nanoseconds(absl::ToUnixNanos(answer.at));
}

void Encode(const FrameworkEntry& entry, v1::master::FrameworkView* out) {
  const FrameworkRecord& record = *entry.record;
  *out->mutable_info() = *record.subscription.info;
  out->mutable_info()->mutable_id()->set_value(record.id.value());
  out->set_state(StateOf(record.state));
  for (const std::string& role : record.subscription.suppressed_roles) {
    out->add_suppressed_roles(role);
  }
  resources::ResourceQuantities used;
  resources::ResourceQuantities offered;
  for (const auto& [role, usage] : entry.usage) {
    used += usage.used;
    offered += usage.offered;
  }
  EncodeQuantities(used, out->mutable_used());
  EncodeQuantities(offered, out->mutable_offered());
  out->set_tasks_active(entry.tasks_active);
  out->set_tasks_completed(entry.tasks_completed);
  out->set_registered_time(SecondsOf(record.registered));
  out->set_reregistered_time(SecondsOf(record.reregistered));
  out->set_completed_time(SecondsOf(record.unregistered));
  if (record.subscription.offer_constraints != nullptr) {
    *out->mutable_offer_constraints() = *record.subscription.offer_constraints;
  }
}

void Encode(const ClusterView& view, const TaskEntry& entry, v1::master::TaskView* out) {
  const FrameworkEntry* framework = view.FindFramework(entry.task.framework_id());
  std::string packed;
  TaskWriter().Append(entry, view.FindAgentRecord(entry.task.agent_id()).get(),
                      framework == nullptr ? nullptr : framework->record.get(), &packed);
  MEROS_CHECK(out->ParsePartialFromString(packed)) << "what was just packed";
}

}  // namespace meros::master
