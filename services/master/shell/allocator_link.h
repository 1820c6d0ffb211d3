// The master's session with the allocator, kept up while this master leads: dials, with growing
// delays, carries what the core says, and posts proposals to it.
//
// Thread rule: thread-safe.
#pragma once

#include <grpcpp/channel.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "libs/base/mutex.h"
#include "libs/rpc/bidi_client_stream.h"
#include "libs/rpc/channel.h"
#include "meros/allocator/v1/allocator_service.grpc.pb.h"
#include "services/master/core/inputs.h"
#include "services/master/shell/master_metrics.h"
#include "services/master/shell/streams.h"

namespace meros::master {

class AllocatorLink {
 public:
  using Session = rpc::BidiClientStream<allocator::v1::MasterFrame, allocator::v1::AllocatorFrame>;
  using Post = std::function<void(Input input)>;

  // ERRORS: as rpc::MakeChannel. `numbers` and `metrics` outlive the link.
  static absl::StatusOr<std::unique_ptr<AllocatorLink>> Make(const std::string& address,
                                                             const rpc::TlsOptions& tls,
                                                             Numbers* numbers, Post post,
                                                             MasterMetrics* metrics);
  ~AllocatorLink() { Stop(); }

  // Whether a session is wanted; one that is up is ended when it no longer is.
  void SetWanted(bool wanted);
  // On the session of that number; dropped if it has ended.
  void Send(StreamId stream, allocator::v1::MasterFrame frame);
  void Close(StreamId stream, const absl::Status& status);
  // Asks why something is not offered; `done` is called once, on another thread, with the answer of
  // the allocator or Unavailable.
  using Explained = std::function<void(absl::StatusOr<allocator::v1::ExplainResponse>)>;
  void Explain(allocator::v1::ExplainRequest request, Explained done);
  // Ends the session and waits until its end was posted. Idempotent.
  void Stop();

 private:
  AllocatorLink(std::shared_ptr<grpc::Channel> channel, Numbers* numbers, Post post,
                MasterMetrics* metrics);

  void Run();
  void Open();
  void OnFrame(StreamId id, const allocator::v1::AllocatorFrame& frame);
  void OnClosed(StreamId id, const absl::Status& status);

  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<allocator::v1::AllocatorService::Stub> stub_;
  Numbers* const numbers_;
  const Post post_;
  MasterMetrics* const metrics_;

  Mutex mutex_;
  CondVar changed_;
  std::shared_ptr<Session> session_ MEROS_GUARDED_BY(mutex_);
  StreamId id_ MEROS_GUARDED_BY(mutex_) = 0;
  bool wanted_ MEROS_GUARDED_BY(mutex_) = false;
  bool stopping_ MEROS_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace meros::master
