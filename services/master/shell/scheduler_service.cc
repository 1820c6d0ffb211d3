#include "services/master/shell/scheduler_service.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "libs/rpc/frame_bytes.h"
#include "libs/rpc/packed.h"
#include "libs/rpc/unary.h"
#include "libs/runtime/clock.h"
#include "libs/telemetry/log.h"
#include "services/master/shell/admit.h"
#include "services/master/shell/decode_scheduler.h"

namespace meros::master {
namespace {

namespace scheduler_pb = ::meros::v1::scheduler;

// Who pays for the calls of a stream: its authenticated name, else the one that the framework goes
// by.
std::string PayerOf(const SchedulerService::Stream& stream, const scheduler_pb::Calls& first) {
  if (!stream.principal().empty() || first.calls_size() == 0) return stream.principal();
  return first.calls(0).subscribe().framework_info().principal();
}

// An empty frame costs as much as one with a call.
uint64_t CallsOf(const scheduler_pb::Calls& frame) { return std::max(1, frame.calls_size()); }

// What a large frame leaves behind is not kept for the small ones that follow.
constexpr size_t kKeptFrameBytes = 64 << 10;

absl::Time Now() { return runtime::ProcessClock::Get().Now(); }

}  // namespace

// What is read of a stream. Frames come one at a time.
struct SchedulerService::Reading {
  bool is_ending = false;  // after the first fault nothing more is taken
  std::optional<RateLimiter::Account> account;
  // The newest; it may have to wait. Read into the same memory again and again.
  scheduler_pb::Calls frame;
};

// Reads the frame, and says how long it has to wait.
absl::StatusOr<absl::Duration> SchedulerService::HoldBack(const Stream& stream,
                                                          const grpc::ByteBuffer& packed,
                                                          Reading* reading) {
  if (!rpc::UnpackInto(packed, &reading->frame).ok()) {
    context_->metrics->frames_malformed.Add();
    return absl::InvalidArgumentError("a frame is not a meros.v1.scheduler.Calls");
  }
  if (!reading->account) reading->account = context_->limiter->Of(PayerOf(stream, reading->frame));
  return reading->account->HoldBack(CallsOf(reading->frame), Now());
}

absl::Status SchedulerService::Take(StreamId id, const std::string& principal,
                                    scheduler_pb::Calls* frame) {
  const auto take = [this, id](absl::StatusOr<Input> input, bool subscribes) {
    if (!input.ok()) {
      context_->metrics->frames_malformed.Add();
      if (subscribes) TellError(id, input.status());
      return input.status();
    }
    return context_->try_post(*std::move(input)) ? absl::OkStatus() : ShellContext::Overloaded();
  };
  return DecodeCalls(frame, {.stream = id, .authenticated = principal, .regex = context_->regex},
                     take);
}

void SchedulerService::TellError(StreamId id, const absl::Status& status) const {
  scheduler_pb::Event event;
  event.set_type(scheduler_pb::Event::ERROR);
  event.mutable_error()->set_message(std::string(status.message()));
  rpc::FrameBytes frame;
  frame.Add(scheduler_pb::Events::kEventsFieldNumber, event);
  if (auto stream = streams_.Find(id)) stream->Send(frame.Take());
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* SchedulerService::Connect(
    grpc::CallbackServerContext* grpc_context) {
  const StreamId id = context_->numbers.Next();
  auto stream = Stream::Create(grpc_context, context_->outbox);
  streams_.Add(id, stream);
  context_->metrics->scheduler_streams.NoteOpened();
  auto reading = std::make_shared<Reading>();
  Stream* raw = stream.get();  // alive until on_closed has returned
  const auto end = [raw, reading](const absl::Status& status) {
    reading->is_ending = true;
    raw->Close(status);
  };
  const auto take = [this, id, raw, reading, end](const grpc::ByteBuffer& packed) {
    if (reading->is_ending) return;
    reading->account->NoteProcessed(CallsOf(reading->frame));
    const absl::Status status = Take(id, raw->principal(), &reading->frame);
    if (packed.Length() > kKeptFrameBytes) reading->frame = scheduler_pb::Calls();
    if (!status.ok()) end(status);
  };
  const auto closed = [this, id, raw](const absl::Status& status) {
    streams_.Remove(id);
    context_->metrics->scheduler_streams.NoteClosed(raw->was_cut());
    MEROS_LOG(DEBUG) << "a scheduler's stream ended" << telemetry::Field("stream", id)
                     << telemetry::Field("status", status);
    context_->post(SchedulerStreamClosed{id});
  };
  const auto hold_back = [this, raw, reading, end](const grpc::ByteBuffer& packed) {
    if (reading->is_ending) return absl::ZeroDuration();
    const absl::StatusOr<absl::Duration> wait = HoldBack(*raw, packed, reading.get());
    if (wait.ok()) return *wait;
    end(wait.status());
    return absl::ZeroDuration();
  };
  return stream->Start({.on_frame = take, .on_closed = closed}, hold_back);
}

grpc::ServerUnaryReactor* SchedulerService::Call(grpc::CallbackServerContext* grpc_context,
                                                 const scheduler_pb::CallRequest* request,
                                                 scheduler_pb::CallResponse* response) {
  const absl::Status admitted = Admit(context_->limiter, grpc_context);
  if (!admitted.ok())
    return rpc::AnswerNow<scheduler_pb::CallResponse>(grpc_context, response, admitted);
  const uint64_t call = context_->numbers.Next();
  absl::StatusOr<Input> input = DecodeCallRequest(
      *request,
      {.call = call, .authenticated = rpc::PeerPrincipal(*grpc_context), .regex = context_->regex});
  if (!input.ok())
    return rpc::AnswerNow<scheduler_pb::CallResponse>(grpc_context, response, input.status());
  return rpc::AnswerLater<scheduler_pb::CallResponse>(
      grpc_context, response, [&](rpc::UnaryReply<scheduler_pb::CallResponse> reply) {
        context_->replies.Add(call, [reply](const absl::Status& status) {
          if (status.ok()) return reply.Finish(scheduler_pb::CallResponse());
          reply.Finish(status);
        });
        if (context_->try_post(*std::move(input))) return;
        context_->replies.Finish(call, ShellContext::Overloaded());
      });
}

}  // namespace meros::master
