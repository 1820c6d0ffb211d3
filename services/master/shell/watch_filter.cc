#include "services/master/shell/watch_filter.h"

#include <algorithm>
#include <memory>
#include <variant>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "services/master/shell/watch_events.h"
#include "services/master/view/filter_checks.h"

namespace meros::master {

namespace pb = ::meros::v1::master;

bool WatchFilter::Allows(pb::WatchKind kind) const {
  switch (kind) {
    case pb::WATCH_AGENTS:
      return !framework_ && !role_;
    case pb::WATCH_FRAMEWORKS:
      return !agent_;
    case pb::WATCH_TASKS:
      return true;
    case pb::WATCH_ROLES:
      return !framework_ && !agent_;
    case pb::WATCH_KIND_UNSPECIFIED:
      break;
  }
  return false;
}

absl::StatusOr<WatchFilter> WatchFilter::Of(const pb::WatchRequest& request) {
  WatchFilter filter;
  if (request.has_framework_id()) {
    MEROS_RETURN_IF_ERROR(CheckFilterId("framework_id", request.framework_id().value()));
    filter.framework_ = FrameworkId(request.framework_id().value());
  }
  if (request.has_agent_id()) {
    MEROS_RETURN_IF_ERROR(CheckFilterId("agent_id", request.agent_id().value()));
    filter.agent_ = AgentId(request.agent_id().value());
  }
  if (request.has_role()) {
    MEROS_RETURN_IF_ERROR(CheckFilterRole(request.role()));
    filter.role_ = request.role();
  }
  MEROS_RETURN_IF_ERROR(
      CheckFilterKnown("kinds", pb::WatchRequest::kKindsFieldNumber, request.unknown_fields()));
  for (int i = 0; i < request.kinds_size(); ++i) {
    if (!filter.Allows(request.kinds(i))) {
      return absl::InvalidArgumentError(absl::StrCat("kinds[", i, "]: nothing of ",
                                                     pb::WatchKind_Name(request.kinds(i)),
                                                     " can match the other filters"));
    }
    filter.kinds_.insert(request.kinds(i));
  }
  if (!filter.kinds_.empty()) return filter;
  for (pb::WatchKind kind :
       {pb::WATCH_AGENTS, pb::WATCH_FRAMEWORKS, pb::WATCH_TASKS, pb::WATCH_ROLES}) {
    if (filter.Allows(kind)) filter.kinds_.insert(kind);
  }
  return filter;
}

bool WatchFilter::Matches(const FrameworkRecord& framework) const {
  if (!MatchesId(framework.id)) return false;
  const auto& roles = framework.subscription.roles;
  return !role_ || std::find(roles.begin(), roles.end(), *role_) != roles.end();
}

bool WatchFilter::Matches(const TaskFacts& task) const {
  return MatchesId(*task.framework_id) && (!agent_ || *agent_ == *task.agent_id) &&
         (!role_ || *role_ == *task.role);
}

WatchFilter::Told WatchFilter::TellingOf(const Publish::Change& change,
                                         const Replaced& replaced) const {
  const auto changed_if = [](bool matches) { return matches ? Told::kChange : Told::kNothing; };
  if (!Wants(KindOf(change))) return Told::kNothing;
  if (const auto* agent = std::get_if<std::shared_ptr<const AgentRecord>>(&change)) {
    return changed_if(Matches(**agent));
  }
  if (const auto* removed = std::get_if<AgentRemoved>(&change)) {
    return changed_if(!agent_ || *agent_ == removed->id);
  }
  if (const auto* framework = std::get_if<std::shared_ptr<const FrameworkRecord>>(&change)) {
    if (Matches(**framework)) return Told::kChange;
    const bool was_told = replaced.framework != nullptr && Matches(*replaced.framework);
    return was_told ? Told::kRemoval : Told::kNothing;
  }
  if (std::holds_alternative<FrameworkRemoved>(change)) {
    return changed_if(replaced.framework != nullptr && Matches(*replaced.framework));
  }
  if (const auto* task = std::get_if<TaskChanged>(&change)) {
    return changed_if(Matches(*task->task.facts));
  }
  if (std::holds_alternative<TaskRemoved>(change)) {
    return changed_if(!replaced.task.holds_nothing() && Matches(*replaced.task));
  }
  return changed_if(Matches(*std::get<RoleChanged>(change).config));
}

void AppendTold(const ClusterView& view, const Publish& change, WatchFilter::Told told,
                std::string* frame) {
  if (told == WatchFilter::Told::kChange) return AppendEvent(view, change, frame);
  const auto& framework = std::get<std::shared_ptr<const FrameworkRecord>>(change.change);
  AppendEvent(view, {change.revision, FrameworkRemoved{framework->id}}, frame);
}

}  // namespace meros::master
