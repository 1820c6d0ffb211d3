#include "services/master/view/listings.h"

#include "absl/strings/str_cat.h"
#include "libs/resources/roles.h"
#include "services/master/view/encode_view.h"
#include "services/master/view/role_view.h"

namespace meros::master {

namespace pb = ::meros::v1::master;

absl::StatusOr<pb::GetAgentResponse> GetAgent(const ClusterView& view,
                                              const pb::GetAgentRequest& request) {
  const AgentEntry* entry = view.FindAgent(AgentId(request.agent_id().value()));
  if (entry == nullptr || entry->record->state == AgentState::kAdmitting) {
    return absl::NotFoundError(absl::StrCat("no agent ", request.agent_id().value()));
  }
  pb::GetAgentResponse response;
  Encode(*entry, response.mutable_agent());
  return response;
}

absl::StatusOr<pb::GetFrameworkResponse> GetFramework(const ClusterView& view,
                                                      const pb::GetFrameworkRequest& request) {
  const FrameworkEntry* entry = view.FindFramework(FrameworkId(request.framework_id().value()));
  if (entry == nullptr) {
    return absl::NotFoundError(absl::StrCat("no framework ", request.framework_id().value()));
  }
  pb::GetFrameworkResponse response;
  Encode(*entry, response.mutable_framework());
  return response;
}

absl::StatusOr<pb::GetTaskResponse> GetTask(const ClusterView& view,
                                            const pb::GetTaskRequest& request) {
  const TaskId id(request.task_id().value());
  const TaskEntry* found = nullptr;
  if (request.has_framework_id()) {
    found = view.FindTask(FrameworkId(request.framework_id().value()), id);
  } else {
    for (const auto& [framework_id, framework] : view.frameworks()) {
      const TaskEntry* entry = view.FindTask(framework_id, id);
      if (entry == nullptr) continue;
      if (found != nullptr) {
        return absl::FailedPreconditionError(
            absl::StrCat("several frameworks have a task ", id.value(), ": name the framework"));
      }
      found = entry;
    }
  }
  if (found == nullptr) return absl::NotFoundError(absl::StrCat("no task ", id.value()));
  pb::GetTaskResponse response;
  Encode(view, *found, response.mutable_task());
  return response;
}

absl::StatusOr<pb::ListRolesResponse> ListRoles(const ClusterView& view,
                                                const pb::ListRolesRequest& request) {
  const std::string& only = request.role();
  const resources::ResourceQuantities capacity = CapacityOf(view);
  const auto roles = RolesOf(view, Reservations::kCount);
  pb::ListRolesResponse response;
  for (const auto& [name, role] : roles) {
    if (!only.empty() && name != only && !resources::IsAncestorRole(only, name)) continue;
    auto config = view.roles().find(name);
    Encode(name, role, config == view.roles().end() ? nullptr : config->second.get(), capacity,
           response.add_roles());
  }
  if (!only.empty() && response.roles().empty()) {
    return absl::NotFoundError(absl::StrCat("no role ", only));
  }
  EncodeQuantities(capacity, response.mutable_capacity());
  return response;
}

absl::StatusOr<pb::ListQuotasResponse> ListQuotas(const ClusterView& view,
                                                  const pb::ListQuotasRequest&) {
  pb::ListQuotasResponse response;
  for (const auto& [name, config] : view.roles()) {
    if (config->quota.empty()) continue;
    pb::RoleConfig all;
    Encode(*config, &all);
    v1::quota::QuotaConfig* out = response.add_configs();
    out->set_role(name);
    out->mutable_guarantees()->swap(*all.mutable_guarantees());
    out->mutable_limits()->swap(*all.mutable_limits());
    out->set_version(config->version);
  }
  return response;
}

absl::StatusOr<pb::ListWeightsResponse> ListWeights(const ClusterView& view,
                                                    const pb::ListWeightsRequest&) {
  pb::ListWeightsResponse response;
  for (const auto& [name, config] : view.roles()) {
    if (config->weight == 1) continue;
    v1::WeightInfo* out = response.add_weights();
    out->set_role(name);
    out->set_weight(config->weight);
    out->set_version(config->version);
  }
  return response;
}

}  // namespace meros::master
