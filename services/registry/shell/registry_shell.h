// The registry's shell: sessions over gRPC, the strand of the core, the store's thread.
//
// Thread rule: Start and Stop from main; the service methods are gRPC's.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "libs/base/mutex.h"
#include "libs/rpc/bidi_server_stream.h"
#include "libs/rpc/unary.h"
#include "libs/runtime/core_strand.h"
#include "libs/storage/store.h"
#include "meros/registry/v1/registry_service.grpc.pb.h"
#include "services/registry/core/registry_core.h"
#include "services/registry/shell/registry_metrics.h"
#include "services/registry/shell/store_writer.h"

namespace meros::registry {

class RegistryShell final : public v1::RegistryService::CallbackService {
 public:
  // Reads the whole store and starts. `store_name` is told to operators; `metrics` must outlive this.
  // ERRORS: as Store::List, DataLoss.
  static absl::StatusOr<std::unique_ptr<RegistryShell>> Start(
      const CoreOptions& options, std::unique_ptr<storage::Store> store, std::string store_name,
      RegistryMetrics* metrics);
  ~RegistryShell() override;

  // OK while writes are taken.
  absl::Status Ready() const;

  grpc::ServerBidiReactor<v1::SessionRequest, v1::SessionResponse>* Session(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* GetLeader(grpc::CallbackServerContext* context,
                                      const v1::GetLeaderRequest* request,
                                      v1::GetLeaderResponse* response) override;
  grpc::ServerUnaryReactor* GetStatus(grpc::CallbackServerContext* context,
                                      const v1::GetStatusRequest* request,
                                      v1::GetStatusResponse* response) override;

 private:
  using Stream = rpc::BidiServerStream<v1::SessionRequest, v1::SessionResponse>;

  RegistryShell(RegistryCore core, std::string store_name, RegistryMetrics* metrics);
  void Apply(std::vector<RegistryCore::Effect> effects);
  void OnFrame(StreamId id, Stream* stream, v1::SessionRequest frame);
  void Deliver(StreamId id, v1::SessionResponse frame);

  const std::string store_name_;
  RegistryMetrics* const metrics_;
  runtime::CoreStrand<RegistryCore> strand_;
  std::unique_ptr<StoreWriter> writer_;  // ends before the strand it posts to
  std::atomic<uint64_t> last_id_{0};     // of streams and unary calls alike
  std::atomic<bool> writable_{true};

  mutable Mutex mutex_;
  std::map<StreamId, std::weak_ptr<Stream>> streams_ MEROS_GUARDED_BY(mutex_);
  std::map<uint64_t, rpc::UnaryReply<v1::GetStatusResponse>> status_calls_ MEROS_GUARDED_BY(mutex_);
  std::map<uint64_t, rpc::UnaryReply<v1::GetLeaderResponse>> leader_calls_ MEROS_GUARDED_BY(mutex_);
};

}  // namespace meros::registry
