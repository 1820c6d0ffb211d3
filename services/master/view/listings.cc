#include "services/master/view/listings.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/status_macros.h"
#include "libs/resources/roles.h"
#include "services/master/view/encode_view.h"
#include "services/master/view/role_view.h"

namespace meros::master {
namespace {

namespace pb = ::meros::v1::master;

absl::StatusOr<size_t> PageSize(uint32_t asked) {
  if (asked == 0) return kDefaultPageSize;
  if (asked <= kMaxPageSize) return asked;
  return absl::InvalidArgumentError(
      absl::StrCat("page_size: must be at most ", kMaxPageSize, ", is ", asked));
}

template <typename States, typename State>
bool Wants(const States& states, State state) {
  return states.empty() || std::find(states.begin(), states.end(), state) != states.end();
}

// Task page tokens: "SEQUENCE/FRAMEWORK ID/TASK ID"; ids hold no '/'.
std::string TokenOf(const Task& task) {
  return absl::StrCat(task.sequence(), "/", task.framework_id().value(), "/", task.id().value());
}

absl::StatusOr<TaskKey> ParseToken(const std::string& token) {
  const std::vector<std::string> parts = absl::StrSplit(token, '/');
  uint64_t sequence = 0;
  if (parts.size() != 3 || !absl::SimpleAtoi(parts[0], &sequence)) {
    return absl::InvalidArgumentError("page_token: not one that this master gave");
  }
  return TaskKey(FrameworkId(parts[1]), TaskId(parts[2]), sequence);
}

bool Matches(const TaskEntry& entry, const pb::ListTasksRequest& request) {
  const Task& task = entry.task;
  if (entry.completed && !request.include_completed()) return false;
  if (request.has_framework_id() && task.framework_id().value() != request.framework_id().value()) {
    return false;
  }
  if (request.has_agent_id() && task.agent_id().value() != request.agent_id().value()) return false;
  if (!Wants(request.states(), static_cast<int>(task.state))) return false;
  if (request.has_role() && task.role() != request.role()) return false;
  return !request.has_name() || *task.facts->name == request.name();
}

}  // namespace

absl::StatusOr<pb::ListAgentsResponse> ListAgents(const ClusterView& view,
                                                  const pb::ListAgentsRequest& request) {
  MEROS_ASSIGN_OR_RETURN(const size_t size, PageSize(request.page_size()));
  pb::ListAgentsResponse response;
  response.set_revision(view.revision());
  auto it = request.has_page_token() && !request.page_token().empty()
                ? view.agents().upper_bound(AgentId(request.page_token()))
                : view.agents().begin();
  for (; it != view.agents().end(); ++it) {
    if (it->second.record->state == AgentState::kAdmitting) continue;  // not durable yet
    if (!Wants(request.states(), static_cast<int>(StateOf(it->second.record->state)))) continue;
    if (static_cast<size_t>(response.agents_size()) == size) {
      response.set_next_page_token(response.agents().rbegin()->info().id().value());
      break;
    }
    Encode(it->second, response.add_agents());
  }
  return response;
}

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

absl::StatusOr<pb::ListFrameworksResponse> ListFrameworks(
    const ClusterView& view, const pb::ListFrameworksRequest& request) {
  MEROS_ASSIGN_OR_RETURN(const size_t size, PageSize(request.page_size()));
  pb::ListFrameworksResponse response;
  response.set_revision(view.revision());
  auto it = request.has_page_token() && !request.page_token().empty()
                ? view.frameworks().upper_bound(FrameworkId(request.page_token()))
                : view.frameworks().begin();
  for (; it != view.frameworks().end(); ++it) {
    const FrameworkRecord& record = *it->second.record;
    if (request.states().empty() && record.state == FrameworkState::kCompleted) continue;
    if (!Wants(request.states(), static_cast<int>(StateOf(record.state)))) continue;
    if (request.has_name() && record.subscription.info->name() != request.name()) continue;
    if (static_cast<size_t>(response.frameworks_size()) == size) {
      response.set_next_page_token(response.frameworks().rbegin()->info().id().value());
      break;
    }
    Encode(it->second, response.add_frameworks());
  }
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

absl::StatusOr<pb::ListTasksResponse> ListTasks(const ClusterView& view,
                                                const pb::ListTasksRequest& request) {
  MEROS_ASSIGN_OR_RETURN(const size_t size, PageSize(request.page_size()));
  pb::ListTasksResponse response;
  response.set_revision(view.revision());
  // One framework's tasks are neighbours.
  const FrameworkId only(request.framework_id().value());
  auto it = view.tasks().lower_bound(TaskKey(only, TaskId(), 0));
  if (!request.page_token().empty()) {
    MEROS_ASSIGN_OR_RETURN(TaskKey after, ParseToken(request.page_token()));
    it = view.tasks().upper_bound(after);
  }
  std::string last;
  for (; it != view.tasks().end(); ++it) {
    const TaskEntry& entry = **it;
    if (request.has_framework_id() && entry.task.framework_id() != only) break;
    if (!Matches(entry, request)) continue;
    if (static_cast<size_t>(response.tasks_size()) == size) {
      response.set_next_page_token(last);
      break;
    }
    Encode(view, entry, response.add_tasks());
    last = TokenOf(entry.task);
  }
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
