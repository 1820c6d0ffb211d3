// Completion queues of our own for a service that holds very many streams.
//
// Reactors of gRPC's callback API share one completion queue in a process. A gRPC that was built
// with its own assertions, as Debian's is, keeps a list of the operations that a queue waits for
// and looks through it, under a lock, at the end of each: every stream has two that wait all the
// time, so with 40,000 streams each message costs 30 µs more. Divided among kQueues the list stays
// short. Each queue has a thread, on which the reactions of its streams run.
//
//   Accept ──▶ a call waits on every queue ──▶ it comes: opened(call), and another one waits
//                          └── the server ends: no further one
//
// Source: src/core/lib/surface/completion_queue.cc, cq_check_tag.
//
// Thread rule: thread-compatible, besides what says otherwise.
#pragma once

#include <grpcpp/completion_queue.h>
#include <grpcpp/server_builder.h>

#include <memory>
#include <thread>
#include <vector>

#include "libs/base/mutex.h"

namespace meros::rpc {

// What an operation on a queue is started with: told when the operation is over.
class QueueTag {
 public:
  virtual ~QueueTag() = default;
  virtual void OnQueue(bool ok) = 0;
};

class StreamQueue {
 public:
  explicit StreamQueue(std::unique_ptr<grpc::ServerCompletionQueue> queue);
  ~StreamQueue();

  grpc::ServerCompletionQueue* queue() { return queue_.get(); }

  // Lives as long as the queue does.
  void Own(std::unique_ptr<QueueTag> tag) { owned_.push_back(std::move(tag)); }

  // A call, awaited or running, needs the queue from Open until Close. Thread-safe.
  void Open();
  void Close();

  void Run();
  // Returns when all calls are closed and the thread has ended. REQUIRES: the server was shut down.
  void Shutdown();

 private:
  const std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  std::vector<std::unique_ptr<QueueTag>> owned_;
  Mutex mutex_;
  CondVar closed_;
  size_t open_ MEROS_GUARDED_BY(mutex_) = 0;
  std::thread thread_;
};

// A service whose streams run on such queues.
class QueuedService {
 public:
  virtual ~QueuedService() = default;
  // Told to the server before it starts.
  virtual grpc::Service* service() = 0;
  // Awaits calls on this queue from now on (queued_call.h). REQUIRES: the server has started.
  virtual void Accept(StreamQueue* queue) = 0;
};

class StreamQueues {
 public:
  // More make the lists shorter, but each frame then more often comes to a thread that sleeps.
  static constexpr int kQueues = 4;

  // REQUIRES: the server is built afterwards.
  explicit StreamQueues(grpc::ServerBuilder* builder);

  void Serve(const std::vector<QueuedService*>& services);
  void Shutdown();

 private:
  std::vector<std::unique_ptr<StreamQueue>> queues_;
};

}  // namespace meros::rpc
