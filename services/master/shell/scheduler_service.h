// SchedulerService over gRPC: decodes calls on the threads that receive them and posts them to the
// core. What goes out comes packed from the strand, so its streams are of bytes both ways.
//
// Thread rule: thread-safe.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/rpc/bidi_server_stream.h"
#include "meros/v1/scheduler/scheduler_service.grpc.pb.h"
#include "services/master/shell/context.h"

namespace meros::master {

class SchedulerService final
    : public v1::scheduler::SchedulerService::WithRawCallbackMethod_Connect<
          v1::scheduler::SchedulerService::WithCallbackMethod_Call<
              v1::scheduler::SchedulerService::Service>> {
 public:
  using Stream = rpc::BidiServerStream<grpc::ByteBuffer, grpc::ByteBuffer>;  // of Calls and Events

  // `context` outlives the service.
  explicit SchedulerService(ShellContext* context) : context_(context) {}

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Connect(
      grpc::CallbackServerContext* grpc_context) override;
  grpc::ServerUnaryReactor* Call(grpc::CallbackServerContext* grpc_context,
                                 const v1::scheduler::CallRequest* request,
                                 v1::scheduler::CallResponse* response) override;

  const StreamTable<Stream>& streams() const { return streams_; }

 private:
  struct Reading;

  absl::StatusOr<absl::Duration> HoldBack(const Stream& stream, const grpc::ByteBuffer& packed,
                                          Reading* reading);
  // Decodes and posts the calls of a frame; a status if the stream must end.
  absl::Status Take(StreamId id, const std::string& principal, v1::scheduler::Calls* frame);
  // As the core tells whom it does not take: schedulers look for the reason there.
  void TellError(StreamId id, const absl::Status& status) const;

  ShellContext* const context_;
  StreamTable<Stream> streams_;
};

}  // namespace meros::master
