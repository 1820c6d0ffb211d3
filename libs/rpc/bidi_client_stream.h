// The client's end of a bidirectional stream of frames.
//
//   auto stream = rpc::BidiClientStream<Out, In>::Create(options);
//   stub->async()->Connect(stream->context(), stream->reactor());
//   stream->Start({.on_frame = ..., .on_closed = ...});
//
// Frames arrive in order, one at a time, on gRPC's threads: handlers post to a strand and return.
// on_closed is called exactly once, last, with the server's status (or why we ended it ourselves).
// The stream keeps itself alive until then. A stream is used for one call; reconnecting makes a new
// one.
//
// Thread rule: thread-safe.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <functional>
#include <memory>
#include <utility>

#include "libs/rpc/bidi_server_stream.h"
#include "libs/rpc/status.h"
#include "libs/rpc/writing_reactor.h"

namespace meros::rpc {

// Reactor: gRPC's own, or one with the same operations and reactions.
template <typename Out, typename In, typename Reactor = grpc::ClientBidiReactor<Out, In>>
class BidiClientStream final
    : public WritingReactor<Reactor, Out>,
      public std::enable_shared_from_this<BidiClientStream<Out, In, Reactor>> {
  using Base = WritingReactor<Reactor, Out>;

 public:
  static std::shared_ptr<BidiClientStream> Create(OutboxOptions options = {}) {
    return std::shared_ptr<BidiClientStream>(new BidiClientStream(options));
  }

  // For the stub's method; metadata may be added before the call.
  grpc::ClientContext* context() { return &context_; }
  Reactor* reactor() { return this; }

  // REQUIRES: called once, after the stub's method.
  void Start(StreamHandlers<In> handlers) {
    handlers_ = std::move(handlers);
    self_ = this->shared_from_this();
    StreamWatchdog::Get().Watch(self_);
    this->AddHold();  // writes begin outside of reactions; released by EndCall
    this->MarkStarted();
    this->StartRead(&incoming_);
    this->StartCall();
    this->Advance();
  }

  // Ends the call from our side without waiting for queued frames.
  void Cancel() { this->Abort(absl::CancelledError("ended by this side")); }

  void OnReadDone(bool ok) override {
    if (!ok) return this->PeerEnded(absl::OkStatus(), /*drop_queued=*/true);
    handlers_.on_frame(std::exchange(incoming_, In()));
    this->StartRead(&incoming_);
  }

  void OnDone(const grpc::Status& status) override {
    auto self = std::move(self_);
    const absl::Status ours = this->end_status();
    // Ours says more than the CANCELLED that our own cancelling caused.
    handlers_.on_closed(ours.ok() || absl::IsUnavailable(ours) ? FromGrpc(status) : ours);
    handlers_ = {};
  }

 private:
  explicit BidiClientStream(OutboxOptions options) : Base(options) {}

  void CancelCall() override { context_.TryCancel(); }
  void EndCall(const absl::Status& status) override {
    if (!status.ok()) context_.TryCancel();
    this->StartWritesDone();
    this->RemoveHold();
  }

  grpc::ClientContext context_;
  StreamHandlers<In> handlers_;
  In incoming_;
  std::shared_ptr<BidiClientStream> self_;
};

}  // namespace meros::rpc
