// The master's session with the registry: carries the requests of a RegistryExchange and posts the
// answers to the core.
//
// Of several registries one serves, and which one is tried in turn: the link goes on to the next
// when a session cannot be had, and when the present one answers UNAVAILABLE or not at all.
//
// It retries nothing: without a session, and when one breaks, every open request is answered as
// unknown at once, and the core asks again in its own time; the next request dials anew.
//
// Thread rule: thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "libs/base/mutex.h"
#include "libs/rpc/bidi_client_stream.h"
#include "libs/rpc/channel.h"
#include "meros/registry/v1/registry_service.grpc.pb.h"
#include "services/master/core/effects.h"
#include "services/master/core/inputs.h"
#include "services/master/shell/master_metrics.h"
#include "services/master/shell/registry_exchange.h"

namespace meros::master {

struct RegistryLinkOptions {
  std::vector<std::string> addresses;  // not empty
  rpc::TlsOptions tls;
  RegistryExchangeOptions exchange;
};

class RegistryLink {
 public:
  using Post = std::function<void(Input input)>;

  // ERRORS: as rpc::MakeChannel. `metrics` outlives the link.
  static absl::StatusOr<std::unique_ptr<RegistryLink>> Make(RegistryLinkOptions options, Post post,
                                                            MasterMetrics* metrics);
  ~RegistryLink() { Stop(); }

  // Requests of one batch, in order; sent as one frame.
  void Send(absl::Time now, std::vector<Effect> requests);
  // Asks for the lease as the winner of an election.
  void Claim(absl::Time now, const AcquireLease& question, const registry::v1::ElectionWin& won);
  // Ends the session and waits until its last answer was posted. Idempotent.
  void Stop();

  bool connected() const;

 private:
  using Stub = registry::v1::RegistryService::Stub;
  using Session =
      rpc::BidiClientStream<registry::v1::SessionRequest, registry::v1::SessionResponse>;

  RegistryLink(RegistryLinkOptions options, Post post, MasterMetrics* metrics)
      : post_(std::move(post)), metrics_(metrics), exchange_(std::move(options.exchange)) {}

  using Adorn = std::function<void(registry::v1::Request* request)>;
  void SendAll(absl::Time now, const std::vector<Effect>& requests, const Adorn& adorn);
  // The session, dialled if there is none.
  std::shared_ptr<Session> Dial();
  void OnFrame(uint64_t session, registry::v1::SessionResponse frame);
  void OnClosed(uint64_t session, const absl::Status& status);
  void OnResponse(uint64_t session, registry::v1::Response response);
  // Leaves a registry that does not serve for the next, if there is one.
  void MoveOn(uint64_t session, const absl::Status& why);
  void PostAll(std::vector<Input> inputs);

  const Post post_;
  MasterMetrics* const metrics_;
  std::vector<std::unique_ptr<Stub>> stubs_;

  mutable Mutex mutex_;
  CondVar changed_;
  std::shared_ptr<Session> session_ MEROS_GUARDED_BY(mutex_);
  uint64_t session_number_ MEROS_GUARDED_BY(mutex_) = 0;
  int sessions_open_ MEROS_GUARDED_BY(mutex_) = 0;
  bool answered_ MEROS_GUARDED_BY(mutex_) = false;  // something came back on this session
  bool stopping_ MEROS_GUARDED_BY(mutex_) = false;
  size_t next_stub_ MEROS_GUARDED_BY(mutex_) = 0;
  RegistryExchange exchange_ MEROS_GUARDED_BY(mutex_);
};

}  // namespace meros::master
