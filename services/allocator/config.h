// The allocator's settings.
//
// Thread rule: thread-compatible.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/config/common_flags.h"
#include "libs/config/flag_set.h"
#include "libs/rpc/credentials.h"
#include "services/allocator/core/options.h"

namespace meros::allocator {

struct Config {
  config::CommonConfig common;
  std::string address = "0.0.0.0:7052";
  rpc::TlsOptions tls;
  bool grpc_reflection = false;
  std::string min_allocatable_resources = "cpus:0.01|mem:32";
  config::StringList fair_sharing_excluded_resource_names;
  bool filter_gpu_resources = true;
  std::string sorter = "drf";
  std::string placement = "random";
  absl::Duration allocation_interval = Options().allocation_interval;
  absl::Duration event_interval = Options().event_interval;
  absl::Duration sweep_interval = Options().sweep_interval;
  absl::Duration preemption_delay = Options().preemption_delay;
  absl::Duration preemption_interval = Options().preemption_interval;
  absl::Duration gang_hold_max = Options().gang_hold_max;
  double hoarding_share = Options().hoarding_share;
  absl::Duration hoarding_window = Options().hoarding_window;
  double recovery_factor = Options().recovery_factor;
  absl::Duration recovery_timeout = Options().recovery_timeout;
  absl::Duration proposal_timeout = Options().proposal_timeout;
  int64_t proposals_waiting_max = static_cast<int64_t>(Options().proposals_waiting_max);
  int64_t filters_max = static_cast<int64_t>(Options().filters_max);
  int64_t gang_looks_max = static_cast<int64_t>(Options().gang_looks_max);
  int64_t mailbox_max = 4096;
  int64_t seed = 0;
};

// `config` must outlive `flags`.
void AddFlags(Config* config, config::FlagSet* flags);

// What the core needs of it. ERRORS: InvalidArgument naming the flag.
absl::StatusOr<Options> CoreOptions(const Config& config);

}  // namespace meros::allocator
