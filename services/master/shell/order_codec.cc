#include "services/master/shell/order_codec.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "libs/base/ids.h"
#include "libs/base/status_macros.h"

namespace meros::master {
namespace {

namespace pb = ::meros::v1::master;

constexpr absl::Duration kMaxDuration = absl::Hours(24 * 365);

// What the four have in common; a drain says more.
template <typename Request>
absl::StatusOr<OperatorAgentOrder> ReadOrder(const Request& request,
                                             OperatorAgentOrder::Kind kind) {
  MEROS_RETURN_IF_ERROR(CheckRequestId(request.request_id()));
  MEROS_RETURN_IF_ERROR(CheckId("agent_id", request.agent_id().value()));
  OperatorAgentOrder order;
  order.request_id = request.request_id();
  order.agent_id = AgentId(request.agent_id().value());
  order.kind = kind;
  return order;
}

absl::StatusOr<absl::Duration> ReadDuration(const std::string& field,
                                            const v1::DurationInfo& message) {
  const absl::Duration duration = absl::Nanoseconds(message.nanoseconds());
  if (duration >= absl::ZeroDuration() && duration <= kMaxDuration) return duration;
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": must be from 0 to 365 days, is ", absl::FormatDuration(duration)));
}

}  // namespace

absl::Status CheckRequestId(const std::string& request_id) {
  if (request_id.size() <= kMaxIdBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("request_id: must have at most ", kMaxIdBytes,
                                                 " bytes, has ", request_id.size()));
}

absl::Status CheckId(absl::string_view field, const std::string& value) {
  const absl::Status status = ValidateId(value);
  if (status.ok()) return status;
  return absl::InvalidArgumentError(absl::StrCat(field, ".value: ", status.message()));
}

absl::StatusOr<OperatorAgentOrder> DecodeCall(const pb::DrainAgentRequest& request) {
  MEROS_ASSIGN_OR_RETURN(OperatorAgentOrder order,
                         ReadOrder(request, OperatorAgentOrder::Kind::kDrain));
  order.mark_gone = request.mark_gone();
  if (request.has_max_grace_period()) {
    MEROS_ASSIGN_OR_RETURN(order.max_grace,
                           ReadDuration("max_grace_period", request.max_grace_period()));
  }
  MEROS_ASSIGN_OR_RETURN(order.max_delay, ReadDuration("max_delay", request.max_delay()));
  return order;
}
absl::StatusOr<OperatorAgentOrder> DecodeCall(const pb::DeactivateAgentRequest& request) {
  return ReadOrder(request, OperatorAgentOrder::Kind::kDeactivate);
}
absl::StatusOr<OperatorAgentOrder> DecodeCall(const pb::ReactivateAgentRequest& request) {
  return ReadOrder(request, OperatorAgentOrder::Kind::kReactivate);
}
absl::StatusOr<OperatorAgentOrder> DecodeCall(const pb::MarkAgentGoneRequest& request) {
  return ReadOrder(request, OperatorAgentOrder::Kind::kMarkGone);
}

absl::StatusOr<OperatorTeardown> DecodeCall(const pb::TeardownRequest& request) {
  MEROS_RETURN_IF_ERROR(CheckRequestId(request.request_id()));
  MEROS_RETURN_IF_ERROR(CheckId("framework_id", request.framework_id().value()));
  OperatorTeardown call;
  call.request_id = request.request_id();
  call.framework_id = FrameworkId(request.framework_id().value());
  return call;
}

absl::StatusOr<OperatorKillTask> DecodeCall(const pb::KillTaskRequest& request) {
  MEROS_RETURN_IF_ERROR(CheckRequestId(request.request_id()));
  MEROS_RETURN_IF_ERROR(CheckId("task_id", request.task_id().value()));
  OperatorKillTask call;
  call.request_id = request.request_id();
  call.framework_id = FrameworkId(request.framework_id().value());
  call.task_id = TaskId(request.task_id().value());
  if (request.has_kill_policy()) {
    call.kill_policy = std::make_shared<const v1::KillPolicy>(request.kill_policy());
  }
  return call;
}

}  // namespace meros::master
