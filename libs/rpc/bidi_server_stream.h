// The server's end of a bidirectional stream of frames.
//
//   grpc::ServerBidiReactor<In, Out>* Connect(grpc::CallbackServerContext* context) override {
//     auto stream = rpc::BidiServerStream<In, Out>::Create(context, options);
//     return stream->Start({.on_frame = ..., .on_closed = ...});
//   }
//
// Frames arrive in order, one at a time, on gRPC's threads: handlers post to a strand and return.
// A frame can be held back for a while; no further one is read meanwhile, so that flow control
// slows the peer down and nothing piles up here. on_closed is called exactly once, last, however
// the stream ended; its status says why. The stream keeps itself alive until then; holders of the
// shared_ptr may Send and Close at any time.
//
// Thread rule: thread-safe.
#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/support/server_callback.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "libs/base/mutex.h"
#include "libs/rpc/server.h"
#include "libs/rpc/status.h"
#include "libs/rpc/writing_reactor.h"

namespace meros::rpc {

template <typename In>
struct StreamHandlers {
  std::function<void(In frame)> on_frame;
  std::function<void(const absl::Status& status)> on_closed;
};

// Reactor: gRPC's own, or a QueuedReactor (queued_call.h) where there are very many streams.
template <typename In, typename Out, typename Reactor = grpc::ServerBidiReactor<In, Out>>
class BidiServerStream final
    : public WritingReactor<Reactor, Out>,
      public std::enable_shared_from_this<BidiServerStream<In, Out, Reactor>> {
  using Base = WritingReactor<Reactor, Out>;

 public:
  static std::shared_ptr<BidiServerStream> Create(grpc::ServerContextBase* context,
                                                  OutboxOptions options = {}) {
    return std::shared_ptr<BidiServerStream>(new BidiServerStream(context, options));
  }

  // How long a frame waits before on_frame gets it; asked once for each.
  using HoldBack = std::function<absl::Duration(const In& frame)>;

  // Begins reading. REQUIRES: called once; the result is returned to gRPC.
  Reactor* Start(StreamHandlers<In> handlers, HoldBack hold_back = nullptr) {
    handlers_ = std::move(handlers);
    hold_back_ = std::move(hold_back);
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
    const absl::Duration wait = hold_back_ ? hold_back_(incoming_) : absl::ZeroDuration();
    if (wait > absl::ZeroDuration()) return Hold(wait);
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
    hold_back_ = nullptr;
  }

 private:
  BidiServerStream(grpc::ServerContextBase* context, OutboxOptions options)
      : Base(options),
        context_(context),
        peer_(context->peer()),
        principal_(PeerPrincipal(*context)) {}

  // The frame stays in incoming_, and the call open, until the timer fires or is cancelled.
  void Hold(absl::Duration wait) {
    if (!this->Pin()) return;
    MutexLock lock(&timer_mutex_);
    timer_ = std::make_unique<grpc::Alarm>();
    timer_->Set(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(wait),
                [this](bool) { Release(); });
    if (this->is_ending()) timer_->Cancel();  // it began before there was a timer
  }
  void Release() {
    auto self = this->shared_from_this();  // Unpin may let the stream go
    if (!this->is_ending()) handlers_.on_frame(std::exchange(incoming_, In()));
    this->StartRead(&incoming_);
    this->Unpin();
  }
  void HurryUnpin() override {
    MutexLock lock(&timer_mutex_);
    if (timer_ != nullptr) timer_->Cancel();
  }

  void CancelCall() override { context_->TryCancel(); }
  // Here alone, where the end has been decided, the trailing metadata can be touched: anywhere else
  // another thread may be finishing the call.
  void EndCall(const absl::Status& status) override {
    HintRetry(status, context_);
    this->Finish(ToGrpc(status));
  }

  grpc::ServerContextBase* const context_;  // valid until OnDone
  const std::string peer_;
  const std::string principal_;
  StreamHandlers<In> handlers_;
  HoldBack hold_back_;
  In incoming_;  // also the frame that is held
  Mutex timer_mutex_;
  std::unique_ptr<grpc::Alarm> timer_ MEROS_GUARDED_BY(timer_mutex_);
  std::shared_ptr<BidiServerStream> self_;
};

}  // namespace meros::rpc
