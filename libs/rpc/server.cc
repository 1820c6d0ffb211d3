#include "libs/rpc/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/security/auth_context.h>
#include <grpcpp/server_builder.h>
#include <sys/stat.h>

#include <chrono>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/base/retry_hint.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/lock_checks.h"
#include "libs/rpc/unix_socket.h"

namespace meros::rpc {
namespace {

constexpr absl::string_view kUnixPrefix = "unix:";

void SetLimits(const ServerOptions& options, grpc::ServerBuilder* builder) {
  builder->SetMaxReceiveMessageSize(kMessageBytesMax);
  builder->AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, options.metadata_bytes_max);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.streams_per_connection_max);
  // A second server on the same port would steal half of the connections.
  builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 10000);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5000);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  // Our clients ping every 10 s; others may at half of that without being cut.
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5000);
}

absl::Status AddAddress(const ServerOptions& options, const std::string& address, int* port,
                        grpc::ServerBuilder* builder) {
  TlsOptions tls = options.tls;
  if (absl::StartsWith(address, kUnixPrefix)) {
    MEROS_RETURN_IF_ERROR(PrepareUnixSocket(address.substr(kUnixPrefix.size())));
    tls = {.insecure = true};
  }
  MEROS_ASSIGN_OR_RETURN(auto credentials, MakeServerCredentials(tls));
  builder->AddListeningPort(address, credentials, port);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options,
                                                      const std::vector<grpc::Service*>& services,
                                                      const std::vector<QueuedService*>& queued) {
  if (options.addresses.empty()) return absl::InvalidArgumentError("no address to listen on");
  StopLockOrderChecks();
  grpc::EnableDefaultHealthCheckService(true);
  if (options.reflection) grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  auto server = std::unique_ptr<Server>(new Server());
  grpc::ServerBuilder builder;
  SetLimits(options, &builder);
  server->ports_.resize(options.addresses.size(), 0);
  for (size_t i = 0; i < options.addresses.size(); ++i) {
    MEROS_RETURN_IF_ERROR(
        AddAddress(options, options.addresses[i], &server->ports_[i], &builder));
  }
  for (grpc::Service* service : services) builder.RegisterService(service);
  for (QueuedService* service : queued) builder.RegisterService(service->service());
  if (!queued.empty()) server->queues_ = std::make_unique<StreamQueues>(&builder);
  server->server_ = builder.BuildAndStart();
  for (size_t i = 0; i < options.addresses.size(); ++i) {
    const std::string& address = options.addresses[i];
    if (server->server_ == nullptr || server->ports_[i] == 0) {
      return absl::UnavailableError(
          absl::StrCat("cannot listen on ", address, ": in use, or not an address of this host"));
    }
    if (absl::StartsWith(address, kUnixPrefix)) {
      chmod(address.substr(kUnixPrefix.size()).c_str(), options.unix_socket_mode);
    }
  }
  if (server->queues_ != nullptr) server->queues_->Serve(queued);
  return server;
}

Server::~Server() { Shutdown(absl::ZeroDuration()); }

void Server::SetServing(bool serving) {
  server_->GetHealthCheckService()->SetServingStatus(serving);
}

void Server::Shutdown(absl::Duration grace) {
  if (server_ == nullptr) return;
  server_->Shutdown(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(grace));
  if (queues_ != nullptr) queues_->Shutdown();
  server_->Wait();
  server_ = nullptr;
}

std::string PeerPrincipal(const grpc::ServerContextBase& context) {
  const auto auth = context.auth_context();
  if (auth == nullptr || !auth->IsPeerAuthenticated()) return "";
  const auto names = auth->FindPropertyValues(GRPC_X509_CN_PROPERTY_NAME);
  return names.empty() ? "" : std::string(names[0].data(), names[0].size());
}

void HintRetry(const absl::Status& status, grpc::ServerContextBase* context) {
  const std::optional<absl::Duration> wait = RetryAfter(status);
  if (!wait.has_value()) return;
  context->AddTrailingMetadata(kRetryPushback, absl::StrCat(absl::ToInt64Milliseconds(*wait)));
}

}  // namespace meros::rpc
