// A gRPC server as every Meros service runs it: listening addresses, transport security, standard
// health service, optional reflection, keepalive and size limits.
//
// Thread rule: thread-compatible (main owns it); SetServing is thread-safe.
#pragma once

#include <grpcpp/server.h>
#include <grpcpp/server_context.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/rpc/credentials.h"
#include "libs/rpc/stream_queues.h"

namespace meros::rpc {

struct ServerOptions {
  std::vector<std::string> addresses;  // host:port (port 0 = any free) or unix:/absolute/path
  TlsOptions tls;
  bool reflection = false;            // --grpc_reflection: lets grpcurl list services
  int metadata_bytes_max = 16 << 10;  // larger request headers are refused
  int streams_per_connection_max = 10000;
  int unix_socket_mode = 0600;  // who may connect to a unix address
};

class Server {
 public:
  // Binds and serves `services`, and `queued` on queues of their own; all must outlive the server.
  // ERRORS: InvalidArgument (no address, bad TLS options, something else at a socket's path),
  // AlreadyExists or Unavailable (address in use), naming the address.
  static absl::StatusOr<std::unique_ptr<Server>> Start(
      const ServerOptions& options, const std::vector<grpc::Service*>& services,
      const std::vector<QueuedService*>& queued = {});
  ~Server();

  // Bound port of the i-th address; 1 for unix addresses.
  int port(size_t i) const { return ports_[i]; }

  // What the health service answers for "" (the whole process). Serving from the start.
  void SetServing(bool serving);

  // Refuses new calls, lets running ones end until `grace` has passed, then cancels them; returns
  // when the last reactor is done. Idempotent.
  void Shutdown(absl::Duration grace);

 private:
  Server() = default;

  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<StreamQueues> queues_;  // null without queued services
  std::vector<int> ports_;
};

// Who called, for authorization and logs: the common name of the client's certificate under mutual
// TLS, empty for plaintext and unix sockets.
std::string PeerPrincipal(const grpc::ServerContextBase& context);

// What gRPC's clients go by: how many milliseconds to wait before the call is made again.
inline constexpr char kRetryPushback[] = "grpc-retry-pushback-ms";

// Puts the retry hint of a status (libs/base/retry_hint.h), if it has one, into the trailing
// metadata. REQUIRES: the call has not been finished, and is finished by the same thread later.
void HintRetry(const absl::Status& status, grpc::ServerContextBase* context);

}  // namespace meros::rpc
