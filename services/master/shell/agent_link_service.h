// AgentLinkService over gRPC: decodes what agents say on the threads that receive it and posts it
// to the core. A master holds tens of thousands of these streams, so they run on queues of their
// own (libs/rpc/stream_queues.h).
//
// Thread rule: thread-safe.
#pragma once

#include <memory>
#include <string>

#include "libs/rpc/arena_frame.h"
#include "libs/rpc/bidi_server_stream.h"
#include "libs/rpc/queued_call.h"
#include "meros/agent_link/v1/agent_link.grpc.pb.h"
#include "services/master/shell/context.h"

namespace meros::master {

class AgentLinkService final : public rpc::QueuedService {
  using In = rpc::ArenaFrame<agent_link::v1::AgentFrame>;
  using Out = grpc::ByteBuffer;  // a MasterFrame

 public:
  using Stream = rpc::BidiServerStream<In, Out, rpc::QueuedReactor<In, Out>>;

  // `context` outlives the service.
  explicit AgentLinkService(ShellContext* context) : context_(context) {}

  grpc::Service* service() override { return &service_; }
  void Accept(rpc::StreamQueue* queue) override;

  const StreamTable<Stream>& streams() const { return streams_; }

 private:
  using Generated = agent_link::v1::AgentLinkService;
  // The generated service, with frames that are read into arenas.
  class Service final : public Generated::WithAsyncMethod_Connect<Generated::Service> {
   public:
    void Request(grpc::ServerContext* context, rpc::QueuedCall<In, Out>::Io* io,
                 grpc::CompletionQueue* queue, grpc::ServerCompletionQueue* calls, void* tag) {
      RequestAsyncBidiStreaming(0, context, io, queue, calls, tag);  // 0: its first method
    }
  };

  void Open(std::unique_ptr<rpc::QueuedCall<In, Out>> call);
  // Decodes and posts the messages of a frame; a status if the stream must end.
  absl::Status Take(StreamId id, const std::string& peer, const In& frame);

  ShellContext* const context_;
  Service service_;
  StreamTable<Stream> streams_;
};

}  // namespace meros::master
