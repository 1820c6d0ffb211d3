// Operations on resources that operators ask for.
#include <string>
#include <utility>

#include "services/master/shell/master_service.h"
#include "services/master/shell/operation_codec.h"
#include "services/master/shell/operator_call.h"
#include "services/master/shell/order_codec.h"

namespace meros::master {
namespace {

namespace pb = ::meros::v1::master;

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

template <typename Request, typename Response>
ServerUnaryReactor* Operate(ShellContext* context, CallbackServerContext* grpc_context,
                            const Request* request, Response* response, const std::string& name) {
  absl::StatusOr<OperatorOperation> call = DecodeCall(*request);
  const absl::Status status = call.ok() ? CheckRequestId(request->request_id()) : call.status();
  const std::string& agent_id = request->agent_id().value();
  if (!status.ok()) {
    Audit{name, agent_id, request->request_id(), grpc_context->peer()}.Log(status);
    return rpc::AnswerNow<Response>(grpc_context, response, status);
  }
  return FromCore(context, grpc_context, response, {.call = name, .subject = agent_id},
                  *std::move(call));
}

}  // namespace

#define MEROS_OPERATES(Method)                                                   \
  ServerUnaryReactor* MasterService::Method(CallbackServerContext* grpc_context, \
                                            const pb::Method##Request* request,  \
                                            pb::Method##Response* response) {    \
    return Operate(context_, grpc_context, request, response, #Method);          \
  }
MEROS_OPERATES(ReserveResources)
MEROS_OPERATES(UnreserveResources)
MEROS_OPERATES(CreateVolumes)
MEROS_OPERATES(DestroyVolumes)
MEROS_OPERATES(GrowVolume)
MEROS_OPERATES(ShrinkVolume)
#undef MEROS_OPERATES

}  // namespace meros::master
