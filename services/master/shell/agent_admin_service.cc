// What operators order about agents.
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "services/master/shell/master_service.h"
#include "services/master/shell/operator_call.h"

namespace meros::master {
namespace {

namespace pb = ::meros::v1::master;

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

constexpr absl::Duration kMaxDuration = absl::Hours(24 * 365);

// What the four have in common; a drain is completed by ReadDrain.
template <typename Request>
absl::StatusOr<OperatorAgentOrder> ReadOrder(const Request& request,
                                             OperatorAgentOrder::Kind kind) {
  absl::Status status = CheckRequestId(request.request_id());
  if (status.ok()) status = CheckId("agent_id", request.agent_id().value());
  if (!status.ok()) return status;
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
  return absl::InvalidArgumentError(absl::StrCat(field, ": must be from 0 to 365 days, is ",
                                                 absl::FormatDuration(duration)));
}

absl::StatusOr<OperatorAgentOrder> Read(const pb::DrainAgentRequest& request) {
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
absl::StatusOr<OperatorAgentOrder> Read(const pb::DeactivateAgentRequest& request) {
  return ReadOrder(request, OperatorAgentOrder::Kind::kDeactivate);
}
absl::StatusOr<OperatorAgentOrder> Read(const pb::ReactivateAgentRequest& request) {
  return ReadOrder(request, OperatorAgentOrder::Kind::kReactivate);
}
absl::StatusOr<OperatorAgentOrder> Read(const pb::MarkAgentGoneRequest& request) {
  return ReadOrder(request, OperatorAgentOrder::Kind::kMarkGone);
}

template <typename Request, typename Response>
ServerUnaryReactor* Carry(ShellContext* context, CallbackServerContext* grpc_context,
                          const Request* request, Response* response, const std::string& name) {
  absl::StatusOr<OperatorAgentOrder> order = Read(*request);
  if (!order.ok()) {
    Audit{name, request->agent_id().value(), request->request_id(), grpc_context->peer()}.Log(
        order.status());
    return rpc::AnswerNow<Response>(grpc_context, response, order.status());
  }
  return FromCore(context, grpc_context, response,
                  {.call = name, .subject = request->agent_id().value()}, *std::move(order));
}

}  // namespace

#define MEROS_ORDERS(Method)                                                     \
  ServerUnaryReactor* MasterService::Method(CallbackServerContext* grpc_context, \
                                            const pb::Method##Request* request,  \
                                            pb::Method##Response* response) {    \
    return Carry(context_, grpc_context, request, response, #Method);            \
  }
MEROS_ORDERS(DrainAgent)
MEROS_ORDERS(DeactivateAgent)
MEROS_ORDERS(ReactivateAgent)
MEROS_ORDERS(MarkAgentGone)
#undef MEROS_ORDERS

}  // namespace meros::master
