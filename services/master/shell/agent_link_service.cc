#include "services/master/shell/agent_link_service.h"

#include <utility>

#include "libs/telemetry/log.h"
#include "services/master/shell/decode_agent.h"

namespace meros::master {

absl::Status AgentLinkService::Take(StreamId id, const std::string& peer, const In& frame) {
  const auto take = [this](absl::StatusOr<Input> input) {
    if (!input.ok()) {
      context_->metrics->frames_malformed.Add();
      return input.status();
    }
    const bool may_wait = std::holds_alternative<AgentHeartbeat>(*input);
    const auto& post = may_wait ? context_->try_post_soon : context_->try_post;
    return post(*std::move(input)) ? absl::OkStatus() : ShellContext::Overloaded();
  };
  return DecodeAgentFrame(&*frame, id, peer, frame.arena(), take);
}

void AgentLinkService::Accept(rpc::StreamQueue* queue) {
  rpc::AcceptCalls<In, Out>(
      queue, [this](auto... call) { service_.Request(call...); },
      [this](std::unique_ptr<rpc::QueuedCall<In, Out>> call) { Open(std::move(call)); });
}

void AgentLinkService::Open(std::unique_ptr<rpc::QueuedCall<In, Out>> call) {
  const StreamId id = context_->numbers.Next();
  auto stream = Stream::Create(&call->context, context_->outbox);
  stream->Bind(std::move(call));
  streams_.Add(id, stream);
  context_->metrics->agent_streams.NoteOpened();
  auto is_ending = std::make_shared<bool>(false);
  Stream* raw = stream.get();  // alive until on_closed has returned
  stream->Start({.on_frame =
                     [this, id, raw, is_ending](In frame) {
                       if (*is_ending) return;
                       const absl::Status status = Take(id, raw->peer(), frame);
                       if (status.ok()) return;
                       MEROS_LOG(WARNING)
                           << "an agent's session is ended" << telemetry::Field("peer", raw->peer())
                           << telemetry::Field("status", status);
                       *is_ending = true;
                       raw->Close(status);
                     },
                 .on_closed =
                     [this, id, raw](const absl::Status& status) {
                       streams_.Remove(id);
                       context_->metrics->agent_streams.NoteClosed(raw->was_cut());
                       MEROS_LOG(DEBUG)
                           << "an agent's stream ended" << telemetry::Field("stream", id)
                           << telemetry::Field("status", status);
                       context_->post(AgentStreamClosed{id});
                     }});
}

}  // namespace meros::master
