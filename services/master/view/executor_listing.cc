#include "services/master/view/executor_listing.h"

#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/status_macros.h"
#include "services/master/view/filter_checks.h"
#include "services/master/view/page_progress.h"

namespace meros::master {
namespace {

namespace pb = ::meros::v1::master;

// Ids hold no slash (libs/base/ids.h).
std::string TokenOf(const ExecutorKey& key) {
  const auto& [agent, framework, executor] = key;
  return absl::WebSafeBase64Escape(
      absl::StrCat(agent.value(), "/", framework.value(), "/", executor.value()));
}

absl::StatusOr<ExecutorKey> KeyOf(const std::string& token) {
  std::string plain;
  if (absl::WebSafeBase64Unescape(token, &plain)) {
    const std::vector<std::string> ids = absl::StrSplit(plain, '/');
    if (ids.size() == 3)
      return ExecutorKey{AgentId(ids[0]), FrameworkId(ids[1]), ExecutorId(ids[2])};
  }
  return absl::InvalidArgumentError("page_token: not one that this master gave");
}

absl::Status Check(const pb::ListExecutorsRequest& request) {
  if (request.has_framework_id()) {
    MEROS_RETURN_IF_ERROR(CheckFilterId("framework_id", request.framework_id().value()));
  }
  if (request.has_agent_id()) {
    MEROS_RETURN_IF_ERROR(CheckFilterId("agent_id", request.agent_id().value()));
  }
  return absl::OkStatus();
}

bool Matches(const pb::ListExecutorsRequest& request, const ExecutorKey& key) {
  const auto& [agent, framework, executor] = key;
  return (!request.has_agent_id() || request.agent_id().value() == agent.value()) &&
         (!request.has_framework_id() || request.framework_id().value() == framework.value());
}

}  // namespace

void Encode(const ClusterView& view, const ExecutorKey& key, const v1::ExecutorInfo& info,
            pb::ExecutorView* out) {
  const auto& [agent, framework, executor] = key;
  *out->mutable_info() = info;
  out->mutable_info()->mutable_framework_id()->set_value(framework.value());
  out->mutable_agent_id()->set_value(agent.value());
  if (const auto record = view.FindAgentRecord(agent)) {
    out->set_agent_hostname(record->info->hostname());
  }
  if (const FrameworkEntry* entry = view.FindFramework(framework)) {
    out->set_framework_name(entry->record->subscription.info->name());
  }
}

absl::StatusOr<pb::ListExecutorsResponse> ListExecutors(const ClusterView& view,
                                                        const pb::ListExecutorsRequest& request,
                                                        PageLimits limits) {
  MEROS_ASSIGN_OR_RETURN(const size_t size, PageSize(request.page_size()));
  MEROS_RETURN_IF_ERROR(Check(request));
  auto it = view.executors().begin();
  if (!request.page_token().empty()) {
    MEROS_ASSIGN_OR_RETURN(const ExecutorKey last, KeyOf(request.page_token()));
    it = view.executors().upper_bound(last);
  }
  pb::ListExecutorsResponse response;
  response.set_revision(view.revision());
  Progress progress{size, limits};
  for (const ExecutorKey* last = nullptr; it != view.executors().end(); ++it) {
    const bool matches = Matches(request, it->first);
    if (last != nullptr && progress.ends_before(matches)) {
      response.set_next_page_token(TokenOf(*last));
      break;
    }
    last = &it->first;
    ++progress.examined;
    if (!matches) continue;
    ++progress.rows;
    pb::ExecutorView* executor = response.add_executors();
    Encode(view, it->first, *it->second, executor);
    progress.bytes += executor->ByteSizeLong();
  }
  return response;
}

}  // namespace meros::master
