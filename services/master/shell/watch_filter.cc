#include "services/master/shell/watch_filter.h"

#include <algorithm>
#include <memory>
#include <tuple>
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
    case pb::WATCH_OPERATIONS:
    case pb::WATCH_EXECUTORS:
      return !role_;  // the view does not know theirs
    case pb::WATCH_MAINTENANCE:
      return !framework_ && !agent_ && !role_;
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
  for (pb::WatchKind kind : kWatchKinds) {
    if (filter.Allows(kind)) filter.kinds_.insert(kind);
  }
  return filter;
}

bool WatchFilter::Matches(const FrameworkRecord& framework) const {
  if (framework_ && *framework_ != framework.id) return false;
  const auto& roles = framework.subscription.roles;
  return !role_ || std::find(roles.begin(), roles.end(), *role_) != roles.end();
}

bool WatchFilter::Matches(const TaskFacts& task) const {
  return MatchesIds(*task.framework_id, *task.agent_id) && (!role_ || *role_ == *task.role);
}

bool WatchFilter::Matches(const Operation& operation) const {
  return MatchesIds(operation.framework_id, operation.agent_id);
}

bool WatchFilter::Matches(const ExecutorKey& executor) const {
  return MatchesIds(std::get<FrameworkId>(executor), std::get<AgentId>(executor));
}

namespace {

using Told = WatchFilter::Told;

// What is told of a change of a kind that is wanted.
struct ToldOfChange {
  const WatchFilter& filter;
  const Replaced& replaced;

  template <typename Object>
  Told ChangeOf(const Object& object) const {
    return filter.Matches(object) ? Told::kChange : Told::kNothing;
  }
  bool HadFramework() const {
    return replaced.framework != nullptr && filter.Matches(*replaced.framework);
  }

  Told operator()(const std::shared_ptr<const AgentRecord>& agent) const {
    return ChangeOf(agent->id);
  }
  Told operator()(const AgentRemoved& removed) const { return ChangeOf(removed.id); }
  Told operator()(const std::shared_ptr<const FrameworkRecord>& framework) const {
    if (filter.Matches(*framework)) return Told::kChange;
    return HadFramework() ? Told::kRemoval : Told::kNothing;
  }
  Told operator()(const FrameworkRemoved&) const {
    return HadFramework() ? Told::kChange : Told::kNothing;
  }
  Told operator()(const TaskChanged& changed) const { return ChangeOf(*changed.task.facts); }
  Told operator()(const TaskRemoved&) const {
    return replaced.task.holds_nothing() ? Told::kNothing : ChangeOf(*replaced.task);
  }
  Told operator()(const RoleChanged& changed) const { return ChangeOf(*changed.config); }
  Told operator()(const std::shared_ptr<const Operation>& operation) const {
    return ChangeOf(*operation);
  }
  Told operator()(const OperationRemoved&) const {
    return replaced.operation == nullptr ? Told::kNothing : ChangeOf(*replaced.operation);
  }
  Told operator()(const ExecutorAdded& added) const {
    return ChangeOf(ExecutorKey(added.agent_id, added.framework_id, added.id));
  }
  Told operator()(const ExecutorRemoved& removed) const {
    return ChangeOf(ExecutorKey(removed.agent_id, removed.framework_id, removed.id));
  }
  Told operator()(const MaintenanceChanged&) const { return Told::kChange; }
  template <typename Untold>
  Told operator()(const Untold&) const {
    return Told::kNothing;
  }
};

}  // namespace

Told WatchFilter::TellingOf(const Publish::Change& change, const Replaced& replaced) const {
  if (!Wants(KindOf(change))) return Told::kNothing;
  return std::visit(ToldOfChange{*this, replaced}, change);
}

void AppendTold(const ClusterView& view, const Publish& change, const Replaced& replaced,
                WatchFilter::Told told, std::string* frame) {
  if (told == Told::kChange) return AppendEvent(view, change, replaced, frame);
  const auto& framework = std::get<std::shared_ptr<const FrameworkRecord>>(change.change);
  AppendEvent(view, {change.revision, FrameworkRemoved{framework->id}}, replaced, frame);
}

}  // namespace meros::master
