// What operators order about agents.
#include <cmath>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/master/shell/master_service.h"
#include "services/master/shell/operator_call.h"

namespace meros::master {
namespace {

namespace pb = ::meros::v1::master;

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

constexpr absl::Duration kMaxGrace = absl::Hours(24 * 365);

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

absl::StatusOr<OperatorAgentOrder> Read(const pb::DrainAgentRequest& request) {
  absl::StatusOr<OperatorAgentOrder> order = ReadOrder(request, OperatorAgentOrder::Kind::kDrain);
  if (!order.ok()) return order;
  order->mark_gone = request.mark_gone();
  if (!request.has_max_grace_period()) return order;
  order->max_grace = absl::Nanoseconds(request.max_grace_period().nanoseconds());
  if (*order->max_grace >= absl::ZeroDuration() && *order->max_grace <= kMaxGrace) return order;
  return absl::InvalidArgumentError(
      absl::StrCat("max_grace_period: must be from 0 to 365 days, is ",
                   absl::FormatDuration(*order->max_grace)));
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
