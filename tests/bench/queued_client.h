// Very many client streams in one process: on completion queues of their own, for the reason that
// libs/rpc/stream_queues.h gives. A stream is a BidiClientStream with this reactor:
//
//   auto stream = rpc::BidiClientStream<Out, In, QueuedClientReactor<Out, In>>::Create();
//   stream->context()->set_initial_metadata_corked(true);
//   stream->Bind(stub->PrepareAsyncConnect(stream->context(), queues.queue(number)));
//   stream->Start({...});
//
// The call begins with the first frame: a call that is begun by itself must be waited for before
// anything is written.
//
// Thread rule: as libs/rpc/queued_call.h.
#pragma once

#include <grpcpp/completion_queue.h>
#include <grpcpp/support/async_stream.h>

#include <array>
#include <atomic>
#include <memory>
#include <thread>
#include <utility>

#include "libs/rpc/queued_call.h"

namespace meros::bench {

// Queues with a thread each. REQUIRES: outlives the streams.
class ClientQueues {
 public:
  ClientQueues() {
    for (Queue& queue : queues_) {
      queue.thread = std::thread([&queue] {
        void* tag = nullptr;
        bool ok = false;
        while (queue.queue.Next(&tag, &ok)) static_cast<rpc::QueueTag*>(tag)->OnQueue(ok);
      });
    }
  }
  ~ClientQueues() {
    for (Queue& queue : queues_) {
      queue.queue.Shutdown();
      queue.thread.join();
    }
  }

  grpc::CompletionQueue* queue(size_t number) { return &queues_[number % queues_.size()].queue; }

 private:
  struct Queue {
    grpc::CompletionQueue queue;
    std::thread thread;
  };
  std::array<Queue, 16> queues_;
};

template <typename Out, typename In>
class QueuedClientReactor {
 public:
  using Io = grpc::ClientAsyncReaderWriter<Out, In>;

  virtual ~QueuedClientReactor() = default;

  // REQUIRES: called once, before StartCall.
  void Bind(std::unique_ptr<Io> io) { io_ = std::move(io); }

  void AddHold() { ++waiting_; }
  void RemoveHold() { OneLess(); }
  // The first one begins with the call.
  void StartRead(In* frame) {
    if (!is_started_) {
      first_ = frame;
      return;
    }
    ++waiting_;
    io_->Read(frame, &read_);
  }
  void StartCall() {
    io_->StartCall(nullptr);
    is_started_ = true;
    StartRead(first_);
  }
  void StartWrite(const Out* frame) {
    ++waiting_;
    io_->Write(*frame, &written_);
  }
  void StartWritesDone() {
    ++waiting_;
    io_->WritesDone(&closed_);
  }

  virtual void OnReadDone(bool ok) = 0;
  virtual void OnWriteDone(bool ok) = 0;
  virtual void OnDone(const grpc::Status& status) = 0;

 private:
  // Nothing comes after a read that failed but the status.
  void OnRead(bool ok) {
    if (!ok) io_->Finish(&status_, &finished_);
    OnReadDone(ok);
    OneLess();
  }
  void OnWritten(bool ok) {
    OnWriteDone(ok);
    OneLess();
  }
  void OnClosed(bool) { OneLess(); }
  void OnFinished(bool) { OneLess(); }
  void OneLess() {
    if (--waiting_ > 0) return;
    io_ = nullptr;  // before the context that it lives in
    OnDone(status_);
  }

  template <void (QueuedClientReactor::*kMember)(bool ok)>
  using Tag = rpc::MemberTag<QueuedClientReactor, kMember>;

  std::unique_ptr<Io> io_;
  bool is_started_ = false;  // before any other thread knows of the stream
  In* first_ = nullptr;
  grpc::Status status_;
  std::atomic<int> waiting_{1};  // reactions to come: operations', and Finish's
  Tag<&QueuedClientReactor::OnRead> read_{this};
  Tag<&QueuedClientReactor::OnWritten> written_{this};
  Tag<&QueuedClientReactor::OnClosed> closed_{this};
  Tag<&QueuedClientReactor::OnFinished> finished_{this};
};

}  // namespace meros::bench
