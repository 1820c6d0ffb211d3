#include "services/master/shell/scheduler_service.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/rpc/unary.h"
#include "libs/telemetry/log.h"
#include "services/master/shell/decode_scheduler.h"

namespace meros::master {
namespace {

namespace pb = ::meros::v1::scheduler;

}  // namespace

absl::Status SchedulerService::Take(StreamId id, const std::string& principal, pb::Calls frame) {
  for (int i = 0; i < frame.calls_size(); ++i) {
    const std::string root = absl::StrCat("calls[", i, "]");
    absl::StatusOr<Input> input =
        DecodeCall(std::move(*frame.mutable_calls(i)),
                   {.stream = id, .authenticated = principal, .regex = context_->regex}, root);
    if (!input.ok()) {
      context_->metrics->frames_malformed.Add();
      return input.status();
    }
    if (!context_->try_post(*std::move(input))) return ShellContext::Overloaded();
  }
  return absl::OkStatus();
}

grpc::ServerBidiReactor<pb::Calls, pb::Events>* SchedulerService::Connect(
    grpc::CallbackServerContext* grpc_context) {
  const StreamId id = context_->numbers.Next();
  auto stream = Stream::Create(grpc_context);
  streams_.Add(id, stream);
  // After the first fault nothing more of the stream is taken. Frames come one at a time.
  auto is_ending = std::make_shared<bool>(false);
  Stream* raw = stream.get();  // alive until on_closed has returned
  return stream->Start({.on_frame =
                            [this, id, raw, is_ending](pb::Calls frame) {
                              if (*is_ending) return;
                              const absl::Status status =
                                  Take(id, raw->principal(), std::move(frame));
                              if (status.ok()) return;
                              *is_ending = true;
                              raw->Close(status);
                            },
                        .on_closed =
                            [this, id](const absl::Status& status) {
                              streams_.Remove(id);
                              MEROS_LOG(DEBUG)
                                  << "a scheduler's stream ended" << telemetry::Field("stream", id)
                                  << telemetry::Field("status", status);
                              context_->post(SchedulerStreamClosed{id});
                            }});
}

grpc::ServerUnaryReactor* SchedulerService::Call(grpc::CallbackServerContext* grpc_context,
                                                 const pb::CallRequest* request,
                                                 pb::CallResponse* response) {
  if (!request->has_call()) {
    return rpc::AnswerNow<pb::CallResponse>(grpc_context, response,
                                            absl::InvalidArgumentError("call: must be set"));
  }
  if (request->request_id().size() > kMaxIdBytes) {
    return rpc::AnswerNow<pb::CallResponse>(
        grpc_context, response,
        absl::InvalidArgumentError(absl::StrCat("request_id: must have at most ", kMaxIdBytes,
                                                " bytes, has ", request->request_id().size())));
  }
  const uint64_t call = context_->numbers.Next();
  absl::StatusOr<Input> input = DecodeCall(request->call(),
                                           {.call = call,
                                            .request_id = request->request_id(),
                                            .authenticated = rpc::PeerPrincipal(*grpc_context),
                                            .regex = context_->regex},
                                           "call");
  if (!input.ok()) return rpc::AnswerNow<pb::CallResponse>(grpc_context, response, input.status());
  return rpc::AnswerLater<pb::CallResponse>(
      grpc_context, response, [&](rpc::UnaryReply<pb::CallResponse> reply) {
        context_->replies.Add(call, [reply](const absl::Status& status) {
          if (status.ok()) return reply.Finish(pb::CallResponse());
          reply.Finish(status);
        });
        if (context_->try_post(*std::move(input))) return;
        context_->replies.Finish(call, ShellContext::Overloaded());
      });
}

}  // namespace meros::master
