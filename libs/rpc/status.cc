#include "libs/rpc/status.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace meros::rpc {
namespace {

// gRPC says how a connection failed. What an operator can do about it follows from that, but only
// for those who know TLS; so it is said in words.
absl::string_view ConnectionHint(absl::string_view message) {
  if (!absl::StrContains(message, "failed to connect to all addresses")) return "";
  if (absl::StrContains(message, "certificate verify failed")) {
    return " (the server's certificate is not of the authority in --tls_ca)";
  }
  if (absl::StrContains(message, "wrong version number") ||
      absl::StrContains(message, "WRONG_VERSION_NUMBER")) {
    return " (the server speaks plaintext; --insecure does too)";
  }
  if (absl::StrContains(message, "Socket closed")) {
    return " (the server wants TLS, or does not accept our certificate: see --tls_ca, --tls_cert, "
           "--tls_key)";
  }
  return "";
}

}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                      std::string(status.message().substr(0, kStatusMessageBytesMax)));
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      absl::StrCat(status.error_message(), ConnectionHint(status.error_message())));
}

}  // namespace meros::rpc
