#include "libs/rpc/channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/channel_arguments.h>

#include <limits>

#include "absl/strings/match.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/lock_checks.h"

namespace meros::rpc {
namespace {

// gRPC 1.51 runs client reactions on threads of one queue per process, which it takes down with the
// last channel that used it, joining those threads. A call holds its channel; so when the owner of
// a channel lets go of it just before the last call's OnDone has returned, the last reference falls
// on one of those very threads, which then joins itself, deletes the queue it is waiting on and
// crashes. One channel that is never let go of keeps the queue. It has no credentials, which makes
// it one that cannot connect, and it has made one call, which fails at once but takes the queue.
void KeepReactionQueue() {
  // Volatile, or the pointer is optimised away and leak checkers report what is kept on purpose.
  static auto* volatile keeper = [] {
    struct Keeper {
      std::shared_ptr<grpc::Channel> channel = grpc::CreateChannel("unused", nullptr);
      grpc::GenericStub stub{channel};
      grpc::ClientContext context;
      grpc::Slice nothing{"-"};  // a buffer of no slice at all is refused by an assertion
      grpc::ByteBuffer request{&nothing, 1};
      grpc::ByteBuffer response;
    };
    auto* const kept = new Keeper();
    kept->stub.UnaryCall(&kept->context, "/unused", {}, &kept->request, &kept->response,
                         [](grpc::Status) {});
    return kept;
  }();
  (void)keeper;
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::Channel>> MakeChannel(const std::string& address,
                                                           const TlsOptions& tls,
                                                           const ChannelOptions& options) {
  TlsOptions used = tls;
  if (absl::StartsWith(address, "unix:")) used = {.insecure = true};
  MEROS_ASSIGN_OR_RETURN(auto credentials, MakeChannelCredentials(used));
  grpc::ChannelArguments arguments;
  const auto set_ms = [&](const char* key, absl::Duration value) {
    arguments.SetInt(key, static_cast<int>(absl::ToInt64Milliseconds(value)));
  };
  set_ms(GRPC_ARG_KEEPALIVE_TIME_MS, options.keepalive_time);
  set_ms(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, options.keepalive_timeout);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  set_ms(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, options.reconnect_initial);
  set_ms(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, absl::Seconds(2));  // also the connect timeout
  set_ms(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, options.reconnect_maximum);
  if (options.stays_open) {
    arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    // Later versions of gRPC close a connection that had no call for half an hour.
    arguments.SetInt(GRPC_ARG_CLIENT_IDLE_TIMEOUT_MS, std::numeric_limits<int>::max());
  }
  arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
  arguments.SetInt("meros.connection_group", options.connection_group);
  if (options.connection_group != 0) arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  if (!tls.server_name.empty() && !used.insecure) {
    arguments.SetSslTargetNameOverride(tls.server_name);
  }
  StopLockOrderChecks();
  KeepReactionQueue();
  return grpc::CreateCustomChannel(address, credentials, arguments);
}

}  // namespace meros::rpc
