#include "services/master/view/role_view.h"

namespace meros::master {

absl::btree_map<std::string, RoleEntry> RolesOf(const ClusterView& view) {
  absl::btree_map<std::string, RoleEntry> roles;
  for (const auto& [id, framework] : view.frameworks()) {
    if (framework.record->state == FrameworkState::kCompleted) continue;
    for (const std::string& role : framework.record->subscription.roles) {
      roles[role].frameworks.push_back(id);
    }
    for (const auto& [role, usage] : framework.usage) {
      roles[role].allocated += usage.used;
      roles[role].allocated += usage.offered;
    }
  }
  return roles;
}

void Encode(const std::string& name, const RoleEntry& role, v1::master::RoleView* out) {
  out->set_role(name);
  out->set_weight(1);
  for (const FrameworkId& id : role.frameworks) out->add_frameworks()->set_value(id.value());
  for (const auto& [resource_name, amount] : role.allocated) {
    v1::Resource* resource = out->add_allocated();
    resource->set_name(std::string(resource_name.text()));
    resource->set_type(v1::Value::SCALAR);
    resource->mutable_scalar()->set_value(amount.ToDouble());
  }
}

}  // namespace meros::master
