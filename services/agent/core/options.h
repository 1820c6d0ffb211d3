// What an operator decides about an agent, as far as its core cares.
//
// Thread rule: values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "meros/v1/agent.pb.h"
#include "services/agent/core/resource_codec.h"

namespace meros::agent {

struct AgentOptions {
  v1::AgentInfo info;           // hostname, port, resources, attributes; without id
  std::string version;          // "MAJOR.MINOR.PATCH"
  std::string service_address;  // host:port where AgentService answers
  std::string ip;               // told to tasks and frameworks; may be empty
  std::string work_dir;         // absolute
  std::vector<v1::AgentInfo::Capability::Type> capabilities;
  ResourceCodec codec;

  bool switch_user = true;          // run tasks as the user they or their framework name
  bool enforce_cpu_limits = false;  // a task without limits.cpus may not exceed its cpus
  uint64_t task_pids_max = 0;       // processes and threads per task; 0: no limit
  // Given to every task; what the task itself sets wins.
  std::vector<std::pair<std::string, std::string>> task_environment;

  size_t max_completed_tasks = 500;  // that are remembered after their end is acknowledged

  absl::Duration kill_grace = absl::Seconds(3);  // of tasks without a kill policy
  absl::Duration update_retry_initial = absl::Seconds(10);
  absl::Duration update_retry_max = absl::Minutes(10);
  absl::Duration registration_timeout = absl::Seconds(60);  // then another master is tried
  absl::Duration containerizer_retry = absl::Seconds(1);    // after it answered "not now"
};

}  // namespace meros::agent
