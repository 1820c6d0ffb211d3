#include "libs/rpc/stream_queues.h"

#include <pthread.h>

#include <utility>

namespace meros::rpc {

StreamQueue::StreamQueue(std::unique_ptr<grpc::ServerCompletionQueue> queue)
    : queue_(std::move(queue)) {}

StreamQueue::~StreamQueue() { Shutdown(); }

void StreamQueue::Open() {
  MutexLock lock(&mutex_);
  ++open_;
}

void StreamQueue::Close() {
  MutexLock lock(&mutex_);
  if (--open_ == 0) closed_.SignalAll();
}

void StreamQueue::Run() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "stream-queue");
    void* tag = nullptr;
    bool ok = false;
    while (queue_->Next(&tag, &ok)) static_cast<QueueTag*>(tag)->OnQueue(ok);
  });
}

void StreamQueue::Shutdown() {
  {
    MutexLock lock(&mutex_);
    while (open_ > 0) closed_.Wait(&mutex_);
  }
  queue_->Shutdown();
  if (thread_.joinable()) return thread_.join();
  void* tag = nullptr;  // never served: a queue must be empty before it goes
  bool ok = false;
  while (queue_->Next(&tag, &ok)) {
  }
}

StreamQueues::StreamQueues(grpc::ServerBuilder* builder) {
  for (int i = 0; i < kQueues; ++i) {
    queues_.push_back(std::make_unique<StreamQueue>(builder->AddCompletionQueue()));
  }
}

void StreamQueues::Serve(const std::vector<QueuedService*>& services) {
  for (auto& queue : queues_) {
    for (QueuedService* service : services) service->Accept(queue.get());
    queue->Run();
  }
}

void StreamQueues::Shutdown() { queues_.clear(); }

}  // namespace meros::rpc
