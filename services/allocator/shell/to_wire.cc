#include "services/allocator/shell/to_wire.h"

#include "libs/wire/resources_proto.h"
#include "meros/allocator/v1/allocator_service.pb.h"

namespace meros::allocator {

void ToWire(const Identity& identity, v1::AllocatorMessage* message) {
  v1::Welcome* welcome = message->mutable_welcome();
  welcome->set_instance_id(identity.instance_id);
  welcome->set_implementation(identity.implementation);
}

void ToWire(const Proposal& proposal, v1::AllocatorMessage* message) {
  v1::Proposal* out = message->mutable_proposal();
  out->set_proposal_id(proposal.id);
  out->set_based_on_version(proposal.based_on_version);
  out->set_framework_id(proposal.framework.value());
  out->set_role(proposal.role);
  out->set_agent_id(proposal.agent.value());
  wire::ResourcesToProto(proposal.resources, out->mutable_resources(),
                         {.refinement = true, .allocation = false});
}

void ToWire(const GangProposal& proposal, v1::AllocatorMessage* message) {
  v1::GangProposal* out = message->mutable_gang_proposal();
  out->set_gang_id(proposal.gang.id);
  out->set_based_on_version(proposal.based_on_version);
  out->set_framework_id(proposal.gang.framework.value());
  out->set_role(proposal.role);
  for (const GangProposal::Part& part : proposal.parts) {
    v1::GangPart* out_part = out->add_parts();
    out_part->set_proposal_id(part.id);
    out_part->set_agent_id(part.agent.value());
    wire::ResourcesToProto(part.resources, out_part->mutable_resources(),
                           {.refinement = true, .allocation = false});
  }
}

void ToWire(const InverseOffer& offer, v1::AllocatorMessage* message) {
  v1::InverseOffer* out = message->mutable_inverse_offer();
  out->set_framework_id(offer.framework.value());
  out->set_agent_id(offer.agent.value());
  out->mutable_maintenance()->set_start_ns(absl::ToUnixNanos(offer.maintenance.start));
  if (offer.maintenance.duration != absl::InfiniteDuration()) {
    out->mutable_maintenance()->set_duration_ns(
        absl::ToInt64Nanoseconds(offer.maintenance.duration));
  }
}

void ToWire(const PreemptionProposal& preemption, v1::AllocatorMessage* message) {
  v1::Preemption* out = message->mutable_preemption();
  out->set_framework_id(preemption.framework.value());
  out->set_role(preemption.role);
  out->set_agent_id(preemption.agent.value());
  for (const auto& [name, amount] : preemption.amount) {
    (*out->mutable_amount()->mutable_milli())[std::string(name.text())] = amount.millis();
  }
  out->set_for_role(preemption.for_role);
}

void ToWire(const SendNeedSnapshot& effect, v1::AllocatorMessage* message) {
  message->mutable_need_snapshot()->set_reason(effect.reason);
}

}  // namespace meros::allocator
