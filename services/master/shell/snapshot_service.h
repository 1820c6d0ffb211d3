// SnapshotService over gRPC: the readers' thread takes hold of the books at one moment and encodes
// them frame by frame, with other readers' questions in between.
//
// Thread rule: thread-safe.
#pragma once

#include <atomic>
#include <cstddef>

#include "meros/allocator/v1/snapshot.grpc.pb.h"
#include "services/master/shell/context.h"

namespace meros::master {

class SnapshotService final : public allocator::v1::SnapshotService::CallbackService {
 public:
  // `context` outlives the service. In one frame are at most `objects_per_frame` agents and
  // frameworks: 200 are about 100 KiB, and a few milliseconds of the readers' thread.
  explicit SnapshotService(ShellContext* context, size_t objects_per_frame = 200)
      : context_(context), objects_per_frame_(objects_per_frame) {}

  grpc::ServerWriteReactor<allocator::v1::GetSnapshotResponse>* GetSnapshot(
      grpc::CallbackServerContext* grpc_context,
      const allocator::v1::GetSnapshotRequest* request) override;

 private:
  // Snapshots taken at once; more are refused with RESOURCE_EXHAUSTED.
  static constexpr int kOpenMax = 4;

  ShellContext* const context_;
  const size_t objects_per_frame_;
  std::atomic<int> open_{0};
};

}  // namespace meros::master
