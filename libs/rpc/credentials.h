// Transport security of every TCP link: mutual TLS from three PEM files, or, only when asked for in so
// many words, plaintext. Unix sockets need neither: the file system guards them.
//
// Thread rule: immutable.
#pragma once

#include <memory>
#include <string>

#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace meros::rpc {

struct TlsOptions {
  bool insecure = false;    // --insecure: plaintext, for loopback development only
  std::string ca_file;      // --tls_ca: PEM, who may talk to us
  std::string cert_file;    // --tls_cert: PEM, who we are
  std::string key_file;     // --tls_key: PEM
  std::string server_name;  // --tls_server_name: expected name of the peer when it is not its address

  // ERRORS: InvalidArgument naming the missing flag, unless `insecure`; also when both are given.
  absl::Status Validate() const;
};

// Servers demand a certificate of every client, signed by `ca_file`.
// ERRORS: InvalidArgument as Validate(), and naming a file that holds something else or a key that
// is not the certificate's; NotFound naming an unreadable file.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(const TlsOptions& tls);
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeChannelCredentials(const TlsOptions& tls);

}  // namespace meros::rpc
