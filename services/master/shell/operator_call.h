// What the operator's calls that change something have in common: the core answers them, and every
// answer leaves a line in the log.
//
// Thread rule: thread-safe.
#pragma once

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "libs/rpc/unary.h"
#include "libs/telemetry/log.h"
#include "services/master/shell/context.h"

namespace meros::master {

// Who asked an operator's call for what; logged with the answer, so that every change by hand, also
// a refused one, has a line.
struct Audit {
  std::string call;
  std::string subject;
  std::string request_id;
  std::string peer;

  void Log(const absl::Status& status) const {
    MEROS_LOG(INFO) << "operator call" << telemetry::Field("call", call)
                    << telemetry::Field("subject", subject) << telemetry::Field("peer", peer)
                    << telemetry::Field("request_id", request_id)
                    << telemetry::Field("status", status);
  }
};

// Posts an operator's call to the core, and answers with the status that it gives.
template <typename Response, typename Call>
grpc::ServerUnaryReactor* FromCore(ShellContext* context, grpc::CallbackServerContext* grpc_context,
                                   Response* response, Audit audit, Call call) {
  audit.request_id = call.request_id;
  audit.peer = grpc_context->peer();
  return rpc::AnswerLater<Response>(grpc_context, response, [&](rpc::UnaryReply<Response> reply) {
    const uint64_t number = context->numbers.Next();
    call.call = number;
    context->replies.Add(number, [reply, audit](const absl::Status& status) {
      audit.Log(status);
      if (status.ok()) return reply.Finish(Response());
      reply.Finish(status);
    });
    if (context->try_post(std::move(call))) return;
    context->replies.Finish(number, ShellContext::Overloaded());
  });
}

}  // namespace meros::master
