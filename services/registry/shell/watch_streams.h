// The Watch streams of a registry: what its core tells goes out on them, and the core hears how
// much of it was read, and who has gone.
//
// Each stream carries what the core tells its watcher, in that order, and then how the watch ended.
// What the core tells several watchers at once is packed once. How much may wait on a stream is
// decided by the core (core/record_watchers.h); a reader that takes nothing at all is cut by the
// stream itself.
//
// Thread rule: thread-safe.
#pragma once

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "libs/base/mutex.h"
#include "libs/rpc/server_writer.h"
#include "services/registry/core/registry_core.h"
#include "services/registry/shell/registry_metrics.h"

namespace meros::registry {

class WatchStreams {
 public:
  // `try_post` asks the core, or says why that cannot be; `post` tells it. Both, and `metrics`,
  // outlive all streams.
  WatchStreams(std::function<absl::Status(RegistryCore::Input)> try_post,
               std::function<void(RegistryCore::Input)> post, size_t unread_bytes_max,
               RegistryMetrics* metrics)
      : try_post_(std::move(try_post)),
        post_(std::move(post)),
        report_bytes_(unread_bytes_max / 4),
        metrics_(metrics) {}

  // A caller. REQUIRES: `id` is new. The result is returned to gRPC. ERRORS, as the end of the
  // stream: InvalidArgument (no WatchRequest), what `try_post` says, what the core ends it with.
  grpc::ServerWriteReactor<grpc::ByteBuffer>* Open(grpc::CallbackServerContext* context,
                                                   const grpc::ByteBuffer& packed_request,
                                                   StreamId id);

  // For the effects of one batch: what is the same is packed once.
  class Teller {
   public:
    explicit Teller(WatchStreams* streams) : streams_(*streams) {}
    void Tell(const TellWatcher& tell);

   private:
    WatchStreams& streams_;
    std::map<std::shared_ptr<const v1::WatchResponse>, grpc::ByteBuffer> packed_;
  };
  // Both end with what was told before; what is not read yet is still sent.
  void End(const EndWatch& end);
  void EndAll(const absl::Status& why);

 private:
  using Writer = rpc::ServerWriter<grpc::ByteBuffer>;

  std::shared_ptr<Writer> Find(StreamId id);
  std::shared_ptr<Writer> Take(StreamId id);

  const std::function<absl::Status(RegistryCore::Input)> try_post_;
  const std::function<void(RegistryCore::Input)> post_;
  const size_t report_bytes_;  // read, before the core is told
  RegistryMetrics* const metrics_;
  Mutex mutex_;
  std::map<StreamId, std::shared_ptr<Writer>> writers_ MEROS_GUARDED_BY(mutex_);
};

}  // namespace meros::registry
