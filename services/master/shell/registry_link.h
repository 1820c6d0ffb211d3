// The master's session with the registry: carries lease questions, reads and writes, and turns answers
// into inputs of the core. Which of several registries serves is tried in turn.
//
// It retries nothing: without a session, and when one breaks, every open request is answered as unknown
// at once, and the core asks again in its own time; the next request dials anew.
//
// Thread rule: thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "libs/base/mutex.h"
#include "libs/rpc/bidi_client_stream.h"
#include "libs/rpc/channel.h"
#include "meros/registry/v1/registry_service.grpc.pb.h"
#include "services/master/core/effects.h"
#include "services/master/core/inputs.h"
#include "services/master/shell/master_metrics.h"

namespace meros::master {

struct RegistryLinkOptions {
  std::vector<std::string> addresses;  // not empty
  rpc::TlsOptions tls;
  std::string candidate_id;    // unique for this process run
  std::string master_info;     // v1::MasterInfo, serialized: what others are told about the leader
  absl::Duration request_timeout = absl::Seconds(10);  // an answer that takes longer is unknown
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
  // Ends the session and waits until its last answer was posted. Idempotent.
  void Stop();

  bool connected() const;

 private:
  using Stub = registry::v1::RegistryService::Stub;
  using Session =
      rpc::BidiClientStream<registry::v1::SessionRequest, registry::v1::SessionResponse>;
  enum class Kind { kLease, kRead, kWrite, kNothing };
  struct Open {
    Kind kind = Kind::kNothing;
    uint64_t number = 0;  // attempt, epoch or token
    absl::Time sent;
    absl::Duration ttl;
    std::vector<registry::v1::Record> records;  // of kRead, as far as received
  };
  using OpenRequests = absl::btree_map<uint64_t, Open>;

  RegistryLink(RegistryLinkOptions options, Post post, MasterMetrics* metrics)
      : options_(std::move(options)), post_(std::move(post)), metrics_(metrics) {}

  // The session, dialled if there is none.
  std::shared_ptr<Session> Dial();
  bool Encode(absl::Time now, const Effect& effect, registry::v1::Request* request, Open* open);
  void OnFrame(uint64_t session, registry::v1::SessionResponse frame);
  void OnClosed(uint64_t session, const absl::Status& status);
  void OnResponse(registry::v1::Response response);
  // Answers open requests that nobody will answer any more.
  void Fail(OpenRequests failed, const absl::Status& status);
  void FailOverdue(absl::Time now);

  const RegistryLinkOptions options_;
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
  uint64_t next_id_ MEROS_GUARDED_BY(mutex_) = 1;
  OpenRequests open_ MEROS_GUARDED_BY(mutex_);
};

}  // namespace meros::master
