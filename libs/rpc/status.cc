#include "libs/rpc/status.h"

#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/base/leader_hint.h"
#include "meros/status_details/v1/status_details.pb.h"

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

// What the trailer `grpc-status-details-bin` says of it; mostly nothing.
std::string DetailsOf(const absl::Status& status, const std::string& message) {
  const auto leader = LeaderHint(status);
  if (!leader.has_value()) return "";
  status_details::v1::ErrorInfo info;
  info.set_reason("NOT_LEADING");
  info.set_domain("meros");
  (*info.mutable_metadata())["leader"] = *leader;
  status_details::v1::Status details;
  details.set_code(static_cast<int>(status.code()));
  details.set_message(message);
  google::protobuf::Any* packed = details.add_details();
  packed->set_type_url("type.googleapis.com/google.rpc.ErrorInfo");
  packed->set_value(info.SerializeAsString());
  return details.SerializeAsString();
}

}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  std::string message(status.message().substr(0, kStatusMessageBytesMax));
  std::string details = DetailsOf(status, message);
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::move(message),
                      std::move(details));
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      absl::StrCat(status.error_message(), ConnectionHint(status.error_message())));
}

}  // namespace meros::rpc
