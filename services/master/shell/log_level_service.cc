// How much this master logs, and for how long: of the process that is asked, whether it leads or
// not.
#include "services/master/shell/master_service.h"
#include "services/master/shell/operator_call.h"
#include "services/master/shell/process_codec.h"

namespace meros::master {

namespace pb = ::meros::v1::master;

grpc::ServerUnaryReactor* MasterService::GetLogLevel(grpc::CallbackServerContext* grpc_context,
                                                     const pb::GetLogLevelRequest*,
                                                     pb::GetLogLevelResponse* response) {
  return rpc::AnswerNow<pb::GetLogLevelResponse>(grpc_context, response,
                                                 EncodeLogLevel(log_level_.setting()));
}

grpc::ServerUnaryReactor* MasterService::SetLogLevel(grpc::CallbackServerContext* grpc_context,
                                                     const pb::SetLogLevelRequest* request,
                                                     pb::SetLogLevelResponse* response) {
  const absl::StatusOr<LevelChange> change = LevelChangeOf(*request);
  Audit{"SetLogLevel", request->level(), request->request_id(), grpc_context->peer()}.Log(
      change.status());
  if (!change.ok()) {
    return rpc::AnswerNow<pb::SetLogLevelResponse>(grpc_context, response, change.status());
  }
  if (change->duration == absl::InfiniteDuration()) {
    log_level_.Set(change->level);
  } else {
    log_level_.SetFor(change->level, change->duration);
  }
  return rpc::AnswerNow<pb::SetLogLevelResponse>(grpc_context, response, pb::SetLogLevelResponse());
}

}  // namespace meros::master
