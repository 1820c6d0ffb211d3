// What operators order about agents.
#include <string>
#include <utility>

#include "services/master/shell/master_service.h"
#include "services/master/shell/operator_call.h"
#include "services/master/shell/order_codec.h"

namespace meros::master {
namespace {

namespace pb = ::meros::v1::master;

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

template <typename Request, typename Response>
ServerUnaryReactor* GiveOrder(ShellContext* context, CallbackServerContext* grpc_context,
                              const Request* request, Response* response, const std::string& name) {
  absl::StatusOr<OperatorAgentOrder> order = DecodeCall(*request);
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
    return GiveOrder(context_, grpc_context, request, response, #Method);        \
  }
MEROS_ORDERS(DrainAgent)
MEROS_ORDERS(DeactivateAgent)
MEROS_ORDERS(ReactivateAgent)
MEROS_ORDERS(MarkAgentGone)
#undef MEROS_ORDERS

}  // namespace meros::master
