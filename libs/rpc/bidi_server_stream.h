// The server's end of a bidirectional stream of frames.
//
//   grpc::ServerBidiReactor<In, Out>* Connect(grpc::CallbackServerContext* context) override {
//     auto stream = rpc::BidiServerStream<In, Out>::Create(context, options);
//     return stream->Start({.on_frame = ..., .on_closed = ...});
//   }
//
// Frames arrive in order, one at a time, on gRPC's threads: handlers post to a strand and return.
// on_closed is called exactly once, last, however the stream ended; its status says why. The stream
// keeps itself alive until then; holders of the shared_ptr may Send and Close at any time.
//
// Thread rule: thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <grpcpp/support/server_callback.h>

#include "libs/rpc/server.h"
#include "libs/rpc/status.h"
#include "libs/rpc/writing_reactor.h"

namespace meros::rpc {

template <typename In>
struct StreamHandlers {
  std::function<void(In frame)> on_frame;
  std::function<void(const absl::Status& status)> on_closed;
};

template <typename In, typename Out>
class BidiServerStream final : public WritingReactor<grpc::ServerBidiReactor<In, Out>, Out>,
                               public std::enable_shared_from_this<BidiServerStream<In, Out>> {
  using Base = WritingReactor<grpc::ServerBidiReactor<In, Out>, Out>;

 public:
  static std::shared_ptr<BidiServerStream> Create(grpc::CallbackServerContext* context,
                                                  OutboxOptions options = {}) {
    return std::shared_ptr<BidiServerStream>(new BidiServerStream(context, options));
  }

  // Begins reading. REQUIRES: called once; the result is returned to gRPC.
  grpc::ServerBidiReactor<In, Out>* Start(StreamHandlers<In> handlers) {
    handlers_ = std::move(handlers);
    self_ = this->shared_from_this();
    StreamWatchdog::Get().Watch(self_);
    this->MarkStarted();
    this->StartRead(&incoming_);
    this->Advance();  // what was sent or closed before Start
    return this;
  }

  // Address and authenticated name of the client, for logs and authorization.
  const std::string& peer() const { return peer_; }
  const std::string& principal() const { return principal_; }

  void OnReadDone(bool ok) override {
    if (!ok) return this->PeerEnded(absl::OkStatus(), /*drop_queued=*/context_->IsCancelled());
    handlers_.on_frame(std::exchange(incoming_, In()));
    this->StartRead(&incoming_);
  }

  void OnCancel() override {
    this->PeerEnded(absl::CancelledError("peer went away"), /*drop_queued=*/true);
  }

  void OnDone() override {
    auto self = std::move(self_);  // the last owner may be this one
    handlers_.on_closed(this->end_status());
    handlers_ = {};
  }

 private:
  BidiServerStream(grpc::CallbackServerContext* context, OutboxOptions options)
      : Base(options),
        context_(context),
        peer_(context->peer()),
        principal_(PeerPrincipal(*context)) {}

  void CancelCall() override { context_->TryCancel(); }
  void EndCall(const absl::Status& status) override { this->Finish(ToGrpc(status)); }

  grpc::CallbackServerContext* const context_;  // valid until OnDone
  const std::string peer_;
  const std::string principal_;
  StreamHandlers<In> handlers_;
  In incoming_;
  std::shared_ptr<BidiServerStream> self_;
};

}  // namespace meros::rpc
