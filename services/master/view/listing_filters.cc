#include "services/master/view/listing_filters.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/resources/parse.h"
#include "services/master/view/encode_view.h"
#include "services/master/view/filter_checks.h"

namespace meros::master {
namespace {

namespace pb = ::meros::v1::master;

template <typename List, typename Value>
bool Wants(const List& wanted, const Value& value) {
  return wanted.empty() || std::find(wanted.begin(), wanted.end(), value) != wanted.end();
}

// Labels of a TaskFacts::description.
v1::Labels LabelsOf(const std::string& description) {
  using google::protobuf::internal::WireFormatLite;
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const uint8_t*>(description.data()),
                                            static_cast<int>(description.size()));
  v1::Labels labels;
  while (const uint32_t tag = in.ReadTag()) {
    if (WireFormatLite::GetTagFieldNumber(tag) != v1::TaskInfo::kLabelsFieldNumber) {
      if (!WireFormatLite::SkipField(&in, tag)) break;
      continue;
    }
    std::string packed;
    if (!WireFormatLite::ReadBytes(&in, &packed)) break;
    labels.ParsePartialFromString(packed);
  }
  return labels;
}

bool Has(const v1::Labels& labels, const v1::Label& wanted) {
  return std::any_of(labels.labels().begin(), labels.labels().end(), [&](const v1::Label& label) {
    return label.key() == wanted.key() &&
           (!wanted.has_value() || (label.has_value() && label.value() == wanted.value()));
  });
}

bool IsSame(const v1::Value::Scalar& message, const resources::Scalar& scalar) {
  const auto value = resources::Scalar::FromDouble(message.value());
  return value.ok() && *value == scalar;
}

bool IsSame(const v1::Value::Ranges& message, const resources::Ranges& ranges) {
  std::vector<resources::Range> parts;
  for (const auto& range : message.range()) parts.push_back({range.begin(), range.end()});
  const auto value = resources::Ranges::FromOverlapping(parts);
  return value.ok() && *value == ranges;
}

}  // namespace

// ---- Agents ----

absl::StatusOr<AgentFilter> AgentFilter::Of(const pb::ListAgentsRequest& request) {
  AgentFilter filter(&request);
  MEROS_RETURN_IF_ERROR(CheckFilterKnown("states", pb::ListAgentsRequest::kStatesFieldNumber,
                                         request.unknown_fields()));
  MEROS_RETURN_IF_ERROR(CheckFilterText("hostname", request.hostname()));
  MEROS_RETURN_IF_ERROR(CheckFilterText("region", request.region()));
  MEROS_RETURN_IF_ERROR(CheckFilterText("zone", request.zone()));
  MEROS_RETURN_IF_ERROR(CheckFilterEntries("attributes", request.attributes_size()));
  for (int i = 0; i < request.attributes_size(); ++i) {
    const pb::AttributeFilter& wanted = request.attributes(i);
    const std::string path = absl::StrCat("attributes[", i, "]");
    MEROS_RETURN_IF_ERROR(CheckFilterKey(path + ".name", wanted.name()));
    MEROS_RETURN_IF_ERROR(CheckFilterText(path + ".value", wanted.value(), kMaxFilterValueBytes));
    Attribute attribute{wanted.name(), !wanted.has_value(), wanted.value(), {}};
    if (auto value = resources::ParseValue(wanted.value()); value.ok()) {
      if (const auto* scalar = std::get_if<resources::Scalar>(&*value)) attribute.number = *scalar;
      if (const auto* ranges = std::get_if<resources::Ranges>(&*value)) attribute.number = *ranges;
    }
    filter.attributes_.push_back(std::move(attribute));
  }
  return filter;
}

bool AgentFilter::Attribute::Matches(const v1::Attribute& attribute) const {
  if (attribute.name() != name) return false;
  if (is_any) return true;
  switch (attribute.type()) {
    case v1::Value::TEXT:
      return attribute.text().value() == text;
    case v1::Value::SCALAR: {
      const auto* scalar = std::get_if<resources::Scalar>(&number);
      return scalar != nullptr && IsSame(attribute.scalar(), *scalar);
    }
    case v1::Value::RANGES: {
      const auto* ranges = std::get_if<resources::Ranges>(&number);
      return ranges != nullptr && IsSame(attribute.ranges(), *ranges);
    }
    default:
      return false;
  }
}

bool AgentFilter::MatchesDomain(const v1::AgentInfo& info) const {
  const auto& domain = info.domain().fault_domain();
  if (request_->has_region() && domain.region().name() != request_->region()) return false;
  return !request_->has_zone() || domain.zone().name() == request_->zone();
}

bool AgentFilter::MatchesAttributes(const v1::AgentInfo& info) const {
  return std::all_of(attributes_.begin(), attributes_.end(), [&](const Attribute& wanted) {
    return std::any_of(info.attributes().begin(), info.attributes().end(),
                       [&](const v1::Attribute& has) { return wanted.Matches(has); });
  });
}

bool AgentFilter::Matches(const AgentEntry& entry) const {
  const AgentRecord& record = *entry.record;
  if (record.state == AgentState::kAdmitting) return false;  // not durable yet
  if (!Wants(request_->states(), static_cast<int>(StateOf(record.state)))) return false;
  if (request_->has_hostname() &&
      !absl::EqualsIgnoreCase(record.info->hostname(), request_->hostname())) {
    return false;
  }
  return MatchesDomain(*record.info) && MatchesAttributes(*record.info);
}

// ---- Frameworks ----

absl::StatusOr<FrameworkFilter> FrameworkFilter::Of(const pb::ListFrameworksRequest& request) {
  MEROS_RETURN_IF_ERROR(CheckFilterKnown("states", pb::ListFrameworksRequest::kStatesFieldNumber,
                                         request.unknown_fields()));
  if (request.has_role()) MEROS_RETURN_IF_ERROR(CheckFilterRole(request.role()));
  MEROS_RETURN_IF_ERROR(CheckFilterText("principal", request.principal()));
  return FrameworkFilter(&request);
}

bool FrameworkFilter::Matches(const FrameworkEntry& entry) const {
  const FrameworkRecord& record = *entry.record;
  if (request_->states().empty() && record.state == FrameworkState::kCompleted) return false;
  if (!Wants(request_->states(), static_cast<int>(StateOf(record.state)))) return false;
  const auto& roles = record.subscription.roles;
  if (request_->has_role() &&
      std::find(roles.begin(), roles.end(), request_->role()) == roles.end()) {
    return false;
  }
  const v1::FrameworkInfo& info = *record.subscription.info;
  if (request_->has_principal() && info.principal() != request_->principal()) return false;
  return !request_->has_name() || info.name() == request_->name();
}

// ---- Tasks ----

absl::StatusOr<TaskFilter> TaskFilter::Of(const pb::ListTasksRequest& request) {
  if (request.has_framework_id()) {
    MEROS_RETURN_IF_ERROR(CheckFilterId("framework_id", request.framework_id().value()));
  }
  if (request.has_agent_id()) {
    MEROS_RETURN_IF_ERROR(CheckFilterId("agent_id", request.agent_id().value()));
  }
  MEROS_RETURN_IF_ERROR(CheckFilterKnown("states", pb::ListTasksRequest::kStatesFieldNumber,
                                         request.unknown_fields()));
  if (request.has_role()) MEROS_RETURN_IF_ERROR(CheckFilterRole(request.role()));
  MEROS_RETURN_IF_ERROR(CheckFilterEntries("labels", request.labels_size()));
  for (int i = 0; i < request.labels_size(); ++i) {
    const std::string path = absl::StrCat("labels[", i, "]");
    MEROS_RETURN_IF_ERROR(CheckFilterKey(path + ".key", request.labels(i).key()));
    MEROS_RETURN_IF_ERROR(
        CheckFilterText(path + ".value", request.labels(i).value(), kMaxFilterValueBytes));
  }
  return TaskFilter(&request);
}

bool TaskFilter::MatchesLabels(const std::string& description) const {
  const auto [known, is_new] = descriptions_.try_emplace(&description, false);
  if (is_new) {
    const v1::Labels labels = LabelsOf(description);
    known->second = std::all_of(request_->labels().begin(), request_->labels().end(),
                                [&](const v1::Label& wanted) { return Has(labels, wanted); });
  }
  return known->second;
}

bool TaskFilter::Matches(const TaskEntry& entry) const {
  const Task& task = entry.task;
  if (entry.completed && !request_->include_completed()) return false;
  if (request_->has_agent_id() && task.agent_id().value() != request_->agent_id().value()) {
    return false;
  }
  if (!Wants(request_->states(), static_cast<int>(task.state))) return false;
  if (request_->has_role() && task.role() != request_->role()) return false;
  if (request_->has_name() && *task.facts->name != request_->name()) return false;
  return request_->labels().empty() || MatchesLabels(*task.facts->description);
}

// ---- Operations ----

absl::StatusOr<OperationFilter> OperationFilter::Of(const pb::ListOperationsRequest& request) {
  if (request.has_framework_id()) {
    MEROS_RETURN_IF_ERROR(CheckFilterId("framework_id", request.framework_id().value()));
  }
  if (request.has_agent_id()) {
    MEROS_RETURN_IF_ERROR(CheckFilterId("agent_id", request.agent_id().value()));
  }
  MEROS_RETURN_IF_ERROR(CheckFilterKnown("states", pb::ListOperationsRequest::kStatesFieldNumber,
                                         request.unknown_fields()));
  MEROS_RETURN_IF_ERROR(CheckFilterKnown("types", pb::ListOperationsRequest::kTypesFieldNumber,
                                         request.unknown_fields()));
  return OperationFilter(&request);
}

bool OperationFilter::Matches(const Operation& operation) const {
  if (request_->has_framework_id() &&
      operation.framework_id.value() != request_->framework_id().value()) {
    return false;
  }
  if (request_->has_agent_id() && operation.agent_id.value() != request_->agent_id().value()) {
    return false;
  }
  return Wants(request_->states(), static_cast<int>(operation.status->state())) &&
         Wants(request_->types(), static_cast<int>(operation.info->type()));
}

}  // namespace meros::master
