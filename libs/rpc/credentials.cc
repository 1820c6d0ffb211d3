#include "libs/rpc/credentials.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"

namespace meros::rpc {
namespace {

absl::StatusOr<std::string> ReadPem(const char* flag, const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  if (in) text << in.rdbuf();
  if (!in || text.str().empty()) {
    return absl::NotFoundError(absl::StrCat("--", flag, ": cannot read ", path, ": ",
                                            errno != 0 ? std::strerror(errno) : "empty file"));
  }
  if (text.str().find("-----BEGIN ") == std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat("--", flag, ": ", path, " holds no PEM block"));
  }
  return text.str();
}

struct Pems {
  std::string ca, cert, key;
};

absl::StatusOr<Pems> ReadPems(const TlsOptions& tls) {
  Pems pems;
  MEROS_ASSIGN_OR_RETURN(pems.ca, ReadPem("tls_ca", tls.ca_file));
  MEROS_ASSIGN_OR_RETURN(pems.cert, ReadPem("tls_cert", tls.cert_file));
  MEROS_ASSIGN_OR_RETURN(pems.key, ReadPem("tls_key", tls.key_file));
  return pems;
}

}  // namespace

absl::Status TlsOptions::Validate() const {
  const bool any = !ca_file.empty() || !cert_file.empty() || !key_file.empty();
  if (insecure) {
    if (!any) return absl::OkStatus();
    return absl::InvalidArgumentError("--insecure and --tls_* contradict each other");
  }
  for (const auto& [flag, value] : {std::pair<const char*, const std::string&>("tls_ca", ca_file),
                                    {"tls_cert", cert_file},
                                    {"tls_key", key_file}}) {
    if (value.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--", flag, " is required for mutual TLS; --insecure switches TLS off "
                                   "(loopback development only)"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(
    const TlsOptions& tls) {
  MEROS_RETURN_IF_ERROR(tls.Validate());
  if (tls.insecure) return grpc::InsecureServerCredentials();
  MEROS_ASSIGN_OR_RETURN(Pems pems, ReadPems(tls));
  grpc::SslServerCredentialsOptions options(
      GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = pems.ca;
  options.pem_key_cert_pairs.push_back({pems.key, pems.cert});
  return grpc::SslServerCredentials(options);
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeChannelCredentials(
    const TlsOptions& tls) {
  MEROS_RETURN_IF_ERROR(tls.Validate());
  if (tls.insecure) return grpc::InsecureChannelCredentials();
  MEROS_ASSIGN_OR_RETURN(Pems pems, ReadPems(tls));
  return grpc::SslCredentials({.pem_root_certs = pems.ca,
                               .pem_private_key = pems.key,
                               .pem_cert_chain = pems.cert});
}

}  // namespace meros::rpc
