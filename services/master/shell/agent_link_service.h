// AgentLinkService over gRPC: decodes what agents say on the threads that receive it and posts it
// to the core.
//
// Thread rule: thread-safe.
#pragma once

#include "libs/rpc/bidi_server_stream.h"
#include "meros/agent_link/v1/agent_link.grpc.pb.h"
#include "services/master/shell/context.h"

namespace meros::master {

class AgentLinkService final : public agent_link::v1::AgentLinkService::CallbackService {
 public:
  using Stream = rpc::BidiServerStream<agent_link::v1::AgentFrame, agent_link::v1::MasterFrame>;

  // `context` outlives the service.
  explicit AgentLinkService(ShellContext* context) : context_(context) {}

  grpc::ServerBidiReactor<agent_link::v1::AgentFrame, agent_link::v1::MasterFrame>* Connect(
      grpc::CallbackServerContext* grpc_context) override;

  const StreamTable<Stream>& streams() const { return streams_; }

 private:
  // Decodes and posts the messages of a frame; a status if the stream must end.
  absl::Status Take(StreamId id, const std::string& peer, agent_link::v1::AgentFrame frame);

  ShellContext* const context_;
  StreamTable<Stream> streams_;
};

}  // namespace meros::master
