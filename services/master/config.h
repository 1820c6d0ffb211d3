// The settings of meros-master.
//
// Owner: main. Thread rule: thread-compatible; after parsing it is only read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "libs/config/common_flags.h"
#include "libs/config/flag_set.h"
#include "libs/coordination/zookeeper_url.h"
#include "libs/resources/agent_constraints.h"
#include "libs/rpc/credentials.h"
#include "libs/rpc/outbox.h"
#include "services/master/core/options.h"

namespace meros::master {

struct MasterConfig {
  config::CommonConfig common{.metrics_port = 9050};
  rpc::TlsOptions tls;

  std::string address = "0.0.0.0:7050";
  std::string advertise_address;  // empty: from `address`
  bool grpc_reflection = false;
  config::StringList registry = {"127.0.0.1:7053"};
  config::StringList roles;
  std::string allocator = "127.0.0.1:7052";
  std::string election = "registry";  // or "zk://…"
  absl::Duration zk_session_timeout = absl::Seconds(10);
  std::string domain;     // "REGION/ZONE"
  std::string whitelist;  // path; empty: all agents. In the flag also "file://..." and "*".
  std::string rate_limits;  // path; empty: none
  absl::Duration whitelist_interval = absl::Seconds(5);
  int64_t offer_constraints_re2_max_mem = resources::RegexLimits().memory_bytes_max;
  int64_t offer_constraints_re2_max_program_size = resources::RegexLimits().program_size_max;
  // 0 in the flag: never.
  absl::Duration offer_timeout = absl::Minutes(1);
  int64_t max_completed_frameworks = 50;
  int64_t max_completed_tasks_per_framework = 1000;
  int64_t max_unreachable_tasks_per_framework = 1000;
  int64_t max_unreachable_agents = 20000;
  int64_t max_removed_frameworks = 20000;
  int64_t max_gone_agents = 100000;
  int64_t max_frameworks = 10000;
  int64_t framework_series_max = 100;
  int64_t max_offers_per_framework = 20000;
  int64_t max_role_configs = 10000;
  int64_t max_pending_role_changes = 1000;
  int64_t max_operations_per_agent = 1000;
  int64_t max_gangs_per_framework = 16;
  int64_t max_gang_bundles = 1000;
  int64_t max_agent_reports = 256;
  int64_t max_early_tasks = 1000000;
  int64_t mass_loss_percent = 20;
  absl::Duration max_gang_deadline = absl::Hours(24);

  // What may wait to be read on each stream of a scheduler, agent or operator. Has no flag.
  rpc::OutboxOptions outbox;

  // From `election`, by Finish(); nothing: the registry's lease elects.
  std::optional<coordination::ZooKeeperUrl> election_url;

  // The core's; what has a flag of its own is filled in by Finish().
  MasterOptions options;

  // Checks what concerns several flags and completes `options`. Called once, after parsing.
  // ERRORS: InvalidArgument naming the flag.
  absl::Status Finish();
};

// The flags write into `config`, which outlives them.
void AddMasterFlags(MasterConfig* config, config::FlagSet* flags);

}  // namespace meros::master
