// The registry's shell: sessions over gRPC, the strand of the core, the store's thread.
//
//   STANDING_BY ──Serve(store)──▶ SERVING ──Retire(why)──▶ STANDING_BY
//
// While it stands by, sessions and calls are refused with UNAVAILABLE and the reason, so that
// masters go to the next registry. A retired core is gone with all it knew; the next one reads the
// store.
//
// Thread rule: Serve and Retire from one thread (StoreKeeper); the service methods are gRPC's; the
// rest is thread-safe.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "libs/base/mutex.h"
#include "libs/rpc/bidi_server_stream.h"
#include "libs/rpc/unary.h"
#include "libs/runtime/core_strand.h"
#include "libs/storage/store.h"
#include "meros/registry/v1/registry_service.grpc.pb.h"
#include "services/registry/core/registry_core.h"
#include "services/registry/shell/registry_metrics.h"
#include "services/registry/shell/store_writer.h"
#include "services/registry/shell/watch_streams.h"

namespace meros::registry {

// What watchers are told is packed by ourselves, once for all (watch_streams.h).
using PackedRegistryService =
    v1::RegistryService::WithRawCallbackMethod_Watch<v1::RegistryService::CallbackService>;

class RegistryShell final : public PackedRegistryService {
 public:
  // `store_name` is told to operators; `metrics` must outlive this.
  RegistryShell(const CoreOptions& options, std::string store_name, RegistryMetrics* metrics);
  ~RegistryShell() override { Retire(absl::UnavailableError("the registry is stopping")); }

  // Reads the whole store and serves it. `on_lost` is called, on the store's thread, when the store
  // is over (FailedPrecondition). ERRORS: as Store::List, DataLoss.
  absl::Status Serve(std::unique_ptr<storage::Store> store,
                     std::function<void(absl::Status)> on_lost);
  // Ends all sessions, watches and calls with `why`, and closes the store. Also says why there is
  // none yet.
  void Retire(const absl::Status& why);
  void EndWatches(const absl::Status& why) { watch_streams_.EndAll(why); }
  // Until then the store is ours for sure (RegistryCore::StoreOwned).
  void SetOwned(absl::Time until);

  // OK while writes are taken.
  absl::Status Ready() const;

  grpc::ServerBidiReactor<v1::SessionRequest, v1::SessionResponse>* Session(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* GetLeader(grpc::CallbackServerContext* context,
                                      const v1::GetLeaderRequest* request,
                                      v1::GetLeaderResponse* response) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* Watch(grpc::CallbackServerContext* context,
                                                    const grpc::ByteBuffer* request) override;
  grpc::ServerUnaryReactor* GetStatus(grpc::CallbackServerContext* context,
                                      const v1::GetStatusRequest* request,
                                      v1::GetStatusResponse* response) override;

 private:
  using Stream = rpc::BidiServerStream<v1::SessionRequest, v1::SessionResponse>;
  using Strand = runtime::CoreStrand<RegistryCore>;

  // Posts unless it stands by; then says why.
  absl::Status TryPost(RegistryCore::Input input);
  void Post(RegistryCore::Input input);
  void OnWritten(const std::shared_ptr<Strand>& strand, uint64_t token, const absl::Status& status);
  // Whether the store's last answer differs from the one before; then the log says so.
  bool NoteStore(const absl::Status& status);
  void Apply(Strand* strand, StoreWriter* writer, std::vector<RegistryCore::Effect> effects);
  // What metrics and readiness say, after what has been posted.
  void Publish(Strand* strand);
  void OnFrame(StreamId id, Stream* stream, v1::SessionRequest frame);
  void Deliver(StreamId id, v1::SessionResponse frame);
  // Whoever asked for the leader waits for it no more.
  void ForgetLeaderCall(uint64_t id);

  const CoreOptions options_;
  const std::string store_name_;
  RegistryMetrics* const metrics_;
  std::function<void(absl::Status)> on_lost_;
  std::unique_ptr<StoreWriter> writer_;  // ends before the strand it posts to
  absl::Status noted_store_;             // its last answer; of the writer's thread
  std::atomic<uint64_t> last_id_{0};     // of streams and unary calls alike
  std::atomic<bool> writable_{true};
  WatchStreams watch_streams_;

  mutable Mutex mutex_;
  std::shared_ptr<Strand> strand_ MEROS_GUARDED_BY(mutex_);  // null while it stands by
  absl::Status standing_by_ MEROS_GUARDED_BY(mutex_) =
      absl::UnavailableError("the registry has not read its store yet");
  absl::Time owned_until_ MEROS_GUARDED_BY(mutex_) = absl::InfinitePast();  // never told
  std::map<StreamId, std::weak_ptr<Stream>> streams_ MEROS_GUARDED_BY(mutex_);
  std::map<uint64_t, rpc::UnaryReply<v1::GetStatusResponse>> status_calls_ MEROS_GUARDED_BY(mutex_);
  std::map<uint64_t, rpc::UnaryReply<v1::GetLeaderResponse>> leader_calls_ MEROS_GUARDED_BY(mutex_);
};

}  // namespace meros::registry
