// AllocatorService over gRPC: numbers the streams, posts their frames to the strand and sends what
// the core wants sent, one frame per stream and batch (split near the size that peers expect).
//
// Owner: main; outlives the gRPC server. Thread rule: thread-safe.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "libs/base/ids.h"
#include "libs/base/mutex.h"
#include "libs/rpc/bidi_server_stream.h"
#include "libs/rpc/unary.h"
#include "libs/runtime/core_strand.h"
#include "meros/allocator/v1/allocator_service.grpc.pb.h"
#include "services/allocator/shell/core_metrics.h"
#include "services/allocator/shell/to_wire.h"

namespace meros::allocator {

class Service final : public v1::AllocatorService::CallbackService {
 public:
  using Strand = runtime::CoreStrand<MeasuredCore>;

  // `strand` is not started yet and outlives the service's streams.
  Service(Strand* strand, Identity identity);

  // Starts the strand.
  void Start();

  grpc::ServerBidiReactor<v1::MasterFrame, v1::AllocatorFrame>* Session(
      grpc::CallbackServerContext* context) override;

  grpc::ServerUnaryReactor* Explain(grpc::CallbackServerContext* context,
                                    const v1::ExplainRequest* request,
                                    v1::ExplainResponse* response) override;

 private:
  using Stream = rpc::BidiServerStream<v1::MasterFrame, v1::AllocatorFrame>;

  void OnFrame(StreamId id, const v1::MasterFrame& frame);
  void OnClosed(StreamId id, const absl::Status& status);
  std::shared_ptr<Stream> Find(StreamId id) const;
  void Answer(Explained explained);
  // On the strand.
  void Apply(std::vector<Core::Effect> effects);

  Strand* const strand_;
  const Identity identity_;
  mutable Mutex mutex_;
  StreamId last_id_ MEROS_GUARDED_BY(mutex_) = 0;
  std::map<StreamId, std::shared_ptr<Stream>> streams_ MEROS_GUARDED_BY(mutex_);
  uint64_t last_call_ MEROS_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, rpc::UnaryReply<v1::ExplainResponse>> calls_ MEROS_GUARDED_BY(mutex_);
};

}  // namespace meros::allocator
