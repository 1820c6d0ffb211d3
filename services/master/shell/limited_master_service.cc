#include "services/master/shell/limited_master_service.h"

#include "libs/rpc/server_writer.h"
#include "libs/rpc/unary.h"
#include "services/master/shell/admit.h"

namespace meros::master {

namespace pb = ::meros::v1::master;

std::vector<std::string> LimitedMasterService::Limited() {
#define MEROS_NAME(Method) #Method,
  return {MEROS_LIMITED_METHODS(MEROS_NAME) MEROS_LIMITED_PACKED_METHODS(MEROS_NAME) "Watch"};
#undef MEROS_NAME
}

#define MEROS_LIMIT(Method)                                                           \
  grpc::ServerUnaryReactor* LimitedMasterService::Method(                             \
      grpc::CallbackServerContext* grpc_context, const pb::Method##Request* request,  \
      pb::Method##Response* response) {                                               \
    const absl::Status admitted = Admit(context()->limiter, grpc_context);            \
    if (admitted.ok()) return MasterService::Method(grpc_context, request, response); \
    return rpc::AnswerNow<pb::Method##Response>(grpc_context, response, admitted);    \
  }
MEROS_LIMITED_METHODS(MEROS_LIMIT)
#undef MEROS_LIMIT

#define MEROS_LIMIT_PACKED(Method)                                                    \
  grpc::ServerUnaryReactor* LimitedMasterService::Method(                             \
      grpc::CallbackServerContext* grpc_context, const grpc::ByteBuffer* request,     \
      grpc::ByteBuffer* response) {                                                   \
    const absl::Status admitted = Admit(context()->limiter, grpc_context);            \
    if (admitted.ok()) return MasterService::Method(grpc_context, request, response); \
    return rpc::AnswerNow<grpc::ByteBuffer>(grpc_context, response, admitted);        \
  }
MEROS_LIMITED_PACKED_METHODS(MEROS_LIMIT_PACKED)
#undef MEROS_LIMIT_PACKED

grpc::ServerWriteReactor<grpc::ByteBuffer>* LimitedMasterService::Watch(
    grpc::CallbackServerContext* grpc_context, const grpc::ByteBuffer* request) {
  const absl::Status admitted = Admit(context()->limiter, grpc_context);
  if (admitted.ok()) return MasterService::Watch(grpc_context, request);
  auto writer = rpc::ServerWriter<grpc::ByteBuffer>::Create(grpc_context);
  auto* reactor = writer->Start([](const absl::Status&) {});
  writer->Close(admitted);
  return reactor;
}

}  // namespace meros::master
