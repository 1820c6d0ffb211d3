#include "libs/rpc/channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/support/channel_arguments.h>

#include "absl/strings/match.h"
#include "libs/base/status_macros.h"

namespace meros::rpc {

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
  arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
  arguments.SetInt("meros.connection_group", options.connection_group);
  if (options.connection_group != 0) arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  if (!tls.server_name.empty() && !used.insecure) {
    arguments.SetSslTargetNameOverride(tls.server_name);
  }
  return grpc::CreateCustomChannel(address, credentials, arguments);
}

}  // namespace meros::rpc
