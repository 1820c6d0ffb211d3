// The registry's settings.
//
// Thread rule: thread-compatible.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "libs/config/common_flags.h"
#include "libs/config/flag_set.h"
#include "libs/rpc/credentials.h"
#include "services/registry/core/options.h"

namespace meros::registry {

struct Config {
  config::CommonConfig common;
  std::string address = "0.0.0.0:7053";
  std::string store = "sqlite:/var/lib/meros/registry.db";
  absl::Duration store_session_timeout = absl::Seconds(10);  // of a ZooKeeper store
  rpc::TlsOptions tls;
  CoreOptions core;
  bool grpc_reflection = false;
};

// `config` must outlive `flags`.
void AddFlags(Config* config, config::FlagSet* flags);

// The path in --store=sqlite:PATH. ERRORS: InvalidArgument for any other form.
absl::StatusOr<std::string> SqlitePath(const std::string& store);

}  // namespace meros::registry
