#include "libs/rpc/tls_flags.h"

namespace meros::rpc {

void AddTlsFlags(TlsOptions* tls, config::FlagSet* flags) {
  flags->Add(&tls->insecure,
             {.name = "insecure",
              .help = "Plaintext instead of mutual TLS on TCP; for loopback development only.",
              .group = "Security"});
  flags->Add(&tls->ca_file, {.name = "tls_ca",
                             .help = "PEM file of the authority whose certificates are trusted.",
                             .group = "Security"});
  flags->Add(&tls->cert_file,
             {.name = "tls_cert", .help = "PEM file of our certificate.", .group = "Security"});
  flags->Add(&tls->key_file,
             {.name = "tls_key", .help = "PEM file of our private key.", .group = "Security"});
  flags->Add(&tls->server_name,
             {.name = "tls_server_name",
              .help = "Name expected in servers' certificates when it is not their address.",
              .group = "Security"});
}

}  // namespace meros::rpc
