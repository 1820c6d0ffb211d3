#include "services/registry/config.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "libs/rpc/tls_flags.h"

namespace meros::registry {

void AddFlags(Config* config, config::FlagSet* flags) {
  config->common.metrics_port = 9053;
  flags->Add(&config->address, {.name = "address",
                                .help = "Address of the gRPC API, HOST:PORT; port 0 takes any.",
                                .group = "Network"});
  flags->Add(
      &config->store,
      {.name = "store",
       .help =
           "Where the records are kept: sqlite:PATH, or zk://[USER:PASSWORD@]HOST:PORT,.../PATH.",
       .group = "Store"});
  flags->Add(&config->store_session_timeout,
             {.name = "store_session_timeout",
              .help = "ZooKeeper only: after so long without news another registry may take over.",
              .group = "Store",
              .constraint = config::AtLeast(absl::Milliseconds(100))});
  flags->Add(&config->core.lease_ttl_min, {.name = "lease_ttl_min",
                                           .help = "Shortest leader lease that is granted.",
                                           .group = "Lease",
                                           .constraint = config::AtLeast(absl::Milliseconds(50))});
  flags->Add(
      &config->core.lease_ttl_max,
      {.name = "lease_ttl_max", .help = "Longest leader lease that is granted.", .group = "Lease"});
  flags->Add(&config->core.store_retry_interval,
             {.name = "store_retry_interval",
              .help = "After the store has failed, it is tried this often whether it takes "
                      "writes again; until then they are refused.",
              .group = "Store",
              .constraint = config::AtLeast(absl::Milliseconds(10))});
  flags->Add(&config->grpc_reflection, {.name = "grpc_reflection",
                                        .help = "Lets clients list the gRPC services.",
                                        .group = "Network"});
  rpc::AddTlsFlags(&config->tls, flags);
  config::AddCommonFlags(&config->common, flags);
}

absl::StatusOr<std::string> SqlitePath(const std::string& store) {
  absl::string_view path = store;
  if (absl::ConsumePrefix(&path, "sqlite:") && !path.empty()) return std::string(path);
  return absl::InvalidArgumentError(
      absl::StrCat("--store: want sqlite:PATH or zk://HOST:PORT,.../PATH, got '", store, "'"));
}

}  // namespace meros::registry
