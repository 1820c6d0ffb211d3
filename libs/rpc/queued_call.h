// A bidirectional stream on a completion queue (stream_queues.h), with the operations and
// reactions of grpc::ServerBidiReactor, so that BidiServerStream runs on either:
//
//   using Stream = rpc::BidiServerStream<In, Out, rpc::QueuedReactor<In, Out>>;
//   AcceptCalls<In, Out>(queue, [this](auto... args) { service_.RequestConnect(args...); },
//                        [this](std::unique_ptr<rpc::QueuedCall<In, Out>> call) {
//                          auto stream = Stream::Create(&call->context, options);
//                          stream->Bind(std::move(call));
//                          stream->Start({.on_frame = ..., .on_closed = ...});
//                        });
//
// Reactions of one stream come one at a time, on the queue's thread.
//
// Thread rule: operations are thread-safe against reactions, as those of gRPC's reactors are.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/async_stream.h>

#include <atomic>
#include <functional>
#include <memory>
#include <utility>

#include "libs/rpc/stream_queues.h"

namespace meros::rpc {

// Calls a member function.
template <typename T, void (T::*kMember)(bool ok)>
class MemberTag final : public QueueTag {
 public:
  explicit MemberTag(T* object) : object_(object) {}
  void OnQueue(bool ok) override { (object_->*kMember)(ok); }

 private:
  T* const object_;
};

template <typename In, typename Out>
class QueuedReactor;

// A call that is awaited, and then what its reactor works with.
template <typename In, typename Out>
class QueuedCall {
 public:
  using Io = grpc::ServerAsyncReaderWriter<Out, In>;

  explicit QueuedCall(StreamQueue* queue) : io(&context), queue_(queue), over_(this) {
    queue_->Open();
    context.AsyncNotifyWhenDone(&over_);
  }
  ~QueuedCall() { queue_->Close(); }

  grpc::ServerContext context;
  Io io;

 private:
  friend class QueuedReactor<In, Out>;

  void OnOver(bool) { reactor_->OnOver(); }

  StreamQueue* const queue_;
  QueuedReactor<In, Out>* reactor_ = nullptr;  // set before the queue's thread comes to OnOver
  MemberTag<QueuedCall, &QueuedCall::OnOver> over_;
};

template <typename In, typename Out>
class QueuedReactor {
 public:
  virtual ~QueuedReactor() = default;

  // REQUIRES: called once, on the thread that opened the call, before any operation.
  void Bind(std::unique_ptr<QueuedCall<In, Out>> call) {
    call_ = std::move(call);
    call_->reactor_ = this;
  }

  void StartRead(In* frame) {
    ++waiting_;
    call_->io.Read(frame, &read_);
  }
  void StartWrite(const Out* frame) {
    ++waiting_;
    call_->io.Write(*frame, &written_);
  }
  // REQUIRES: called once.
  void Finish(const grpc::Status& status) { call_->io.Finish(status, &finished_); }

  virtual void OnReadDone(bool ok) = 0;
  virtual void OnWriteDone(bool ok) = 0;
  virtual void OnCancel() = 0;
  // The last of all; the reactor may go.
  virtual void OnDone() = 0;

 private:
  friend class QueuedCall<In, Out>;

  void OnRead(bool ok) {
    OnReadDone(ok);
    OneLess();
  }
  void OnWritten(bool ok) {
    OnWriteDone(ok);
    OneLess();
  }
  void OnFinished(bool) { OneLess(); }
  void OnOver() {
    if (call_->context.IsCancelled()) OnCancel();
    OneLess();
  }
  void OneLess() {
    if (--waiting_ == 0) OnDone();
  }

  std::unique_ptr<QueuedCall<In, Out>> call_;
  std::atomic<int> waiting_{2};  // reactions to come: operations', the call's end, and Finish's
  MemberTag<QueuedReactor, &QueuedReactor::OnRead> read_{this};
  MemberTag<QueuedReactor, &QueuedReactor::OnWritten> written_{this};
  MemberTag<QueuedReactor, &QueuedReactor::OnFinished> finished_{this};
};

// Awaits calls, one after the other.
template <typename In, typename Out>
class CallAcceptor final : public QueueTag {
 public:
  using Call = QueuedCall<In, Out>;
  using Request = std::function<void(grpc::ServerContext*, typename Call::Io*,
                                     grpc::CompletionQueue*, grpc::ServerCompletionQueue*, void*)>;
  using Opened = std::function<void(std::unique_ptr<Call> call)>;

  CallAcceptor(StreamQueue* queue, Request request, Opened opened)
      : queue_(queue), request_(std::move(request)), opened_(std::move(opened)) {}

  void Next() {
    call_ = std::make_unique<Call>(queue_);
    request_(&call_->context, &call_->io, queue_->queue(), queue_->queue(), this);
  }

  void OnQueue(bool ok) override {
    std::unique_ptr<Call> call = std::move(call_);
    if (!ok) return;  // the server ends
    Next();
    opened_(std::move(call));
  }

 private:
  StreamQueue* const queue_;
  const Request request_;
  const Opened opened_;
  std::unique_ptr<Call> call_;
};

// `request` is the generated service's, `opened` gets each call on the queue's thread.
template <typename In, typename Out>
void AcceptCalls(StreamQueue* queue, typename CallAcceptor<In, Out>::Request request,
                 typename CallAcceptor<In, Out>::Opened opened) {
  auto acceptor =
      std::make_unique<CallAcceptor<In, Out>>(queue, std::move(request), std::move(opened));
  acceptor->Next();
  queue->Own(std::move(acceptor));
}

}  // namespace meros::rpc
