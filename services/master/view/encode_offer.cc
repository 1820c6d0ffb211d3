#include "services/master/view/encode_offer.h"

#include <string>

#include "services/master/core/maintenance.h"

namespace meros::master {
namespace {

// Used by network isolators alone: nobody is shown it.
bool IsShown(const resources::Resource& resource) {
  return resource.name() != resources::ResourceName::EphemeralPorts();
}

// Where schedulers look for the agent's address.
v1::URL UrlOf(const v1::AgentInfo& agent, const std::string& ip) {
  v1::URL url;
  url.set_scheme("http");
  url.mutable_address()->set_hostname(agent.hostname());
  if (!ip.empty()) url.mutable_address()->set_ip(ip);
  url.mutable_address()->set_port(agent.port());
  return url;
}

}  // namespace

void Encode(const Offer& offer, const wire::ResourceFormat& format, v1::Offer* out) {
  const v1::AgentInfo& agent = *offer.agent_info;
  out->mutable_id()->set_value(offer.id.value());
  out->mutable_framework_id()->set_value(offer.framework_id.value());
  out->mutable_agent_id()->set_value(offer.agent_id.value());
  out->set_hostname(agent.hostname());
  *out->mutable_url() = UrlOf(agent, offer.agent_ip);
  if (agent.has_domain()) *out->mutable_domain() = agent.domain();
  *out->mutable_attributes() = agent.attributes();
  for (const ExecutorId& id : offer.executors) out->add_executor_ids()->set_value(id.value());
  if (!offer.gang_id.empty()) out->set_gang_id(offer.gang_id);
  if (offer.unavailability) *out->mutable_unavailability() = MessageOf(*offer.unavailability);
  if (format.allocation) out->mutable_allocation_info()->set_role(offer.role);
  wire::ResourcesToProto(offer.resources.WithAllocationRole(offer.role).Filter(IsShown),
                         out->mutable_resources(), format);
}

void Encode(const InverseOffer& offer, v1::InverseOffer* out) {
  out->mutable_id()->set_value(offer.id.value());
  *out->mutable_url() = UrlOf(*offer.agent_info, offer.agent_ip);
  out->mutable_framework_id()->set_value(offer.framework_id.value());
  out->mutable_agent_id()->set_value(offer.agent_id.value());
  *out->mutable_unavailability() = MessageOf(offer.unavailability);
}

}  // namespace meros::master
