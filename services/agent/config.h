// The agent's settings, and what follows from them on this node.
//
// Thread rule: thread-compatible.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "libs/config/common_flags.h"
#include "libs/config/flag_set.h"
#include "libs/rpc/credentials.h"
#include "services/agent/core/options.h"
#include "services/agent/shell/sandbox_store.h"

namespace meros::agent {

struct Config {
  config::CommonConfig common;
  rpc::TlsOptions tls;
  std::string address = "0.0.0.0:7051";
  std::string advertise_address;
  config::StringList master;
  std::string work_dir = "/var/lib/meros/agent";
  std::string containerizer = "unix:/run/meros/containerizer.sock";
  std::string hostname;
  std::string resources;
  std::string default_role = "*";
  std::string attributes;
  std::string domain;  // "REGION/ZONE"
  bool switch_user = true;
  bool enforce_cpu_limits = false;
  int64_t task_pids_max = 0;
  config::StringList task_environment;
  int64_t max_completed_tasks = 500;
  absl::Duration kill_grace = absl::Seconds(3);
  absl::Duration update_retry_initial = absl::Seconds(10);
  absl::Duration update_retry_max = absl::Minutes(10);
  absl::Duration registration_timeout = absl::Seconds(60);
  absl::Duration gc_delay = absl::Hours(24 * 7);
  double gc_disk_headroom = 0.1;
  absl::Duration disk_watch_interval = absl::Minutes(1);
  bool grpc_reflection = false;
};

// `config` must outlive `flags`.
void AddFlags(Config* config, config::FlagSet* flags);

// What no single flag can tell. ERRORS: InvalidArgument naming the flag.
absl::Status Validate(const Config& config);

// The core's options once the server's port is known: resources are detected, names looked up.
// REQUIRES: Validate() was OK, and work_dir exists.
// ERRORS: InvalidArgument naming the flag and the offending part.
absl::StatusOr<AgentOptions> CoreOptions(const Config& config, int bound_port);

SandboxOptions SandboxOptionsOf(const Config& config);

}  // namespace meros::agent
