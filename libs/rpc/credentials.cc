#include "libs/rpc/credentials.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"

namespace meros::rpc {
namespace {

absl::StatusOr<std::string> ReadPem(const char* flag, const std::string& path) {
  errno = 0;
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

template <typename T, void (*Free)(T*)>
struct Freed {
  void operator()(T* value) const { Free(value); }
};
using Certificate = std::unique_ptr<X509, Freed<X509, X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY, EVP_PKEY_free>>;
using Source = std::unique_ptr<BIO, Freed<BIO, BIO_free_all>>;

Certificate FirstCertificate(const std::string& pem) {
  const Source source(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return Certificate(PEM_read_bio_X509(source.get(), nullptr, nullptr, nullptr));
}

Key PrivateKey(const std::string& pem) {
  const Source source(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  // Instead of asking for a pass phrase on the terminal.
  const auto no_pass_phrase = [](char*, int, int, void*) { return -1; };
  return Key(PEM_read_bio_PrivateKey(source.get(), nullptr, no_pass_phrase, nullptr));
}

// What gRPC would find only later, and would not say: that a file holds something else, or that key
// and certificate do not belong together.
absl::Status CheckPems(const TlsOptions& tls, const Pems& pems) {
  const Certificate authority = FirstCertificate(pems.ca);
  const Certificate certificate = FirstCertificate(pems.cert);
  const Key key = PrivateKey(pems.key);
  const bool match = certificate != nullptr && key != nullptr &&
                     X509_check_private_key(certificate.get(), key.get()) == 1;
  ERR_clear_error();  // or the next to use OpenSSL on this thread would find ours
  const auto invalid = [](const auto&... text) {
    return absl::InvalidArgumentError(absl::StrCat(text...));
  };
  if (authority == nullptr) return invalid("--tls_ca: ", tls.ca_file, " holds no certificate");
  if (certificate == nullptr)
    return invalid("--tls_cert: ", tls.cert_file, " holds no certificate");
  if (key == nullptr) {
    return invalid("--tls_key: ", tls.key_file, " holds no private key without a pass phrase");
  }
  if (!match) {
    return invalid("--tls_key: ", tls.key_file, " is not the key of the certificate in --tls_cert ",
                   tls.cert_file);
  }
  return absl::OkStatus();
}

absl::StatusOr<Pems> ReadPems(const TlsOptions& tls) {
  Pems pems;
  MEROS_ASSIGN_OR_RETURN(pems.ca, ReadPem("tls_ca", tls.ca_file));
  MEROS_ASSIGN_OR_RETURN(pems.cert, ReadPem("tls_cert", tls.cert_file));
  MEROS_ASSIGN_OR_RETURN(pems.key, ReadPem("tls_key", tls.key_file));
  MEROS_RETURN_IF_ERROR(CheckPems(tls, pems));
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
          absl::StrCat("--", flag,
                       " is required for mutual TLS; --insecure switches TLS off "
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
  return grpc::SslCredentials(
      {.pem_root_certs = pems.ca, .pem_private_key = pems.key, .pem_cert_chain = pems.cert});
}

}  // namespace meros::rpc
