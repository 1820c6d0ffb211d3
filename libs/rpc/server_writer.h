// The server's end of a stream that only the server writes (Watch, FollowFile).
//
// on_closed is called exactly once, last. The stream keeps itself alive until then. on_written may
// be left out; it is told of each frame that was written, one after the other, so that a source can
// keep step with a peer that reads slowly.
//
// Thread rule: thread-safe.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "libs/rpc/server.h"
#include "libs/rpc/status.h"
#include "libs/rpc/writing_reactor.h"

namespace meros::rpc {

template <typename Out>
class ServerWriter final : public WritingReactor<grpc::ServerWriteReactor<Out>, Out>,
                           public std::enable_shared_from_this<ServerWriter<Out>> {
  using Base = WritingReactor<grpc::ServerWriteReactor<Out>, Out>;

 public:
  static std::shared_ptr<ServerWriter> Create(grpc::CallbackServerContext* context,
                                              OutboxOptions options = {}) {
    return std::shared_ptr<ServerWriter>(new ServerWriter(context, options));
  }

  // REQUIRES: called once; the result is returned to gRPC.
  grpc::ServerWriteReactor<Out>* Start(std::function<void(const absl::Status&)> on_closed,
                                       std::function<void(size_t bytes)> on_written = nullptr) {
    on_closed_ = std::move(on_closed);
    on_written_ = std::move(on_written);
    self_ = this->shared_from_this();
    StreamWatchdog::Get().Watch(self_);
    this->MarkStarted();
    this->Advance();
    return this;
  }

  const std::string& peer() const { return peer_; }
  const std::string& principal() const { return principal_; }

  void OnCancel() override {
    this->PeerEnded(absl::CancelledError("peer went away"), /*drop_queued=*/true);
  }

  void OnWriteDone(bool ok) override {
    if (ok && on_written_ != nullptr) on_written_(BytesOf(this->in_flight()));
    Base::OnWriteDone(ok);
  }

  void OnDone() override {
    auto self = std::move(self_);
    on_closed_(this->end_status());
    on_closed_ = nullptr;
    on_written_ = nullptr;
  }

 private:
  ServerWriter(grpc::CallbackServerContext* context, OutboxOptions options)
      : Base(options),
        context_(context),
        peer_(context->peer()),
        principal_(PeerPrincipal(*context)) {}

  void CancelCall() override { context_->TryCancel(); }
  void EndCall(const absl::Status& status) override { this->Finish(ToGrpc(status)); }

  grpc::CallbackServerContext* const context_;
  const std::string peer_;
  const std::string principal_;
  std::function<void(const absl::Status&)> on_closed_;
  std::function<void(size_t)> on_written_;
  std::shared_ptr<ServerWriter> self_;
};

}  // namespace meros::rpc
