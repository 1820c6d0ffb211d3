// What an operator may set about the behaviour of a master: every timeout and every bound of its
// core.
//
// Thread rule: immutable after Validate().
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>

#include "absl/container/btree_set.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/resources/roles.h"

namespace meros::master {

// A fault domain; without a region, there is none.
struct Domain {
  std::string region;
  std::string zone;
};

struct MasterOptions {
  // Who this process is. A new random id at every start.
  std::string master_id;
  // host:port that agents, frameworks and other masters are told.
  std::string advertise_address;
  // Where it runs. Agents that have a domain are refused by a master that has none.
  Domain domain;
  // Agents that say no domain are refused.
  bool require_agent_domain = false;
  // Frameworks may run as root.
  bool root_submissions = true;
  // The roles that frameworks may subscribe to, and operators may set something of, besides "*", by
  // their full names. Empty: all.
  absl::btree_set<std::string> roles;
  // "MAJOR.MINOR.PATCH" of this software.
  std::string version = "0.1.0";

  // How long a lease lasts; renewed every third of it. A leader that dies is replaced after it, and
  // a registry may be away for as long without a pause of the leader (ADR 0005).
  absl::Duration lease_ttl = absl::Milliseconds(1200);
  // A leader that cannot renew its lease keeps its books and streams for so long, then it steps
  // down. By default half of what makes an agent unreachable, so that agents find the next leader
  // before; who changes one looks at the other.
  absl::Duration fenced_max = absl::Seconds(5);
  // Between two heartbeats on a scheduler's stream.
  absl::Duration framework_heartbeat_interval = absl::Seconds(15);
  // An agent that was silent for so long is unreachable.
  absl::Duration agent_unreachable_timeout = absl::Seconds(10);
  // Of more agents than this share only one is declared unreachable at a time (agent_health.h).
  size_t mass_loss_percent = 20;
  absl::Duration mass_loss_interval = absl::Seconds(1);
  // How long a new leader waits for the agents that it finds in the registry.
  absl::Duration agent_reregister_timeout = absl::Minutes(10);
  // Offers older than this are rescinded (offer_expiry.h).
  absl::Duration offer_timeout = absl::Minutes(1);

  // Histories, oldest dropped first. After a fail-over agents tell of the tasks that ended there
  // (agent_histories.h), of frameworks that live; the rest is lost.
  size_t max_completed_frameworks = 50;
  size_t max_completed_tasks_per_framework = 1000;
  size_t max_unreachable_tasks_per_framework = 1000;

  // What the registry keeps of the past, oldest dropped first: ids of frameworks that were removed,
  // which may not come back, and agents that are unreachable.
  size_t max_removed_frameworks = 20000;
  size_t max_unreachable_agents = 20000;
  // And no longer than so.
  absl::Duration max_unreachable_age = absl::Hours(14 * 24);
  // Agents that operators declared gone: they are never forgotten, more are refused.
  size_t max_gone_agents = 100000;

  // Refusals: a new framework, an offer to a framework, a message to an executor above these.
  size_t max_frameworks = 10000;
  size_t max_offers_per_framework = 20000;
  size_t max_message_bytes = 1 << 20;
  // Gangs that a framework may wait for, bundles of one gang, and how long one may wait.
  size_t max_gangs_per_framework = 16;
  size_t max_gang_bundles = 1000;
  absl::Duration max_gang_deadline = absl::Hours(24);
  // Operations of an agent whose results are not acknowledged; further ones are refused.
  size_t max_operations_per_agent = 1000;
  // Request ids remembered per framework, and for operators together, for at most 10 minutes.
  size_t max_request_ids = 65536;
  // Roles of which something is set, and calls that change them and wait for the registry.
  size_t max_role_configs = 10000;
  size_t max_pending_role_changes = 1000;
  // Calls that plan, start or stop maintenance and wait for the registry.
  size_t max_pending_maintenance = 1000;
  // Orders about agents that wait for the registry.
  size_t max_pending_agent_orders = 10000;
  // Agents that are asked at a time for all they run, when they come back.
  size_t max_agent_reports = 256;
  // Inputs kept while the lease is in doubt, and of those that wait for a leader; streams that
  // bring more are cut.
  size_t max_deferred_inputs = 65536;
  // For so long a master that does not lead keeps a caller that lost the leader.
  absl::Duration leader_wait = absl::Seconds(4);
  // Tasks of which such agents report to it meanwhile, together; 0: none.
  size_t max_early_tasks = 1000000;

  bool AllowsRole(const std::string& role) const {
    return roles.empty() || role == resources::kDefaultRole || roles.contains(role);
  }
  // How long a framework that was connected when the former leader died has, at least, to come
  // back.
  absl::Duration RecoveredFrameworkGrace() const { return agent_reregister_timeout; }
  // Five beats in agent_unreachable_timeout, or as few as two and a half where so many agents would
  // bring more than 10,000 a second.
  absl::Duration AgentHeartbeatInterval(size_t agents) const {
    constexpr int kPerSecond = 10000;
    return std::clamp(absl::Seconds(agents) / kPerSecond, agent_unreachable_timeout / 5,
                      agent_unreachable_timeout * 2 / 5);
  }

  // ERRORS: InvalidArgument naming the flag whose value makes no sense.
  absl::Status Validate() const;
};

}  // namespace meros::master
