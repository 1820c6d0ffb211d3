// Everything that one leadership knows. Void when it ends.
//
// Thread rule: strand-confined; changed only through Transaction (transaction.h).
#pragma once

#include <cstdint>
#include <deque>
#include <memory>

#include "absl/container/btree_set.h"
#include "absl/time/time.h"
#include "libs/base/ids.h"
#include "services/master/core/agent_book.h"
#include "services/master/core/agent_order_book.h"
#include "services/master/core/agent_reports.h"
#include "services/master/core/counts.h"
#include "services/master/core/framework_book.h"
#include "services/master/core/gang.h"
#include "services/master/core/inverse_offer.h"
#include "services/master/core/late_agents.h"
#include "services/master/core/maintenance_book.h"
#include "services/master/core/offer_book.h"
#include "services/master/core/operation_book.h"
#include "services/master/core/registry_queue.h"
#include "services/master/core/request_log.h"
#include "services/master/core/role_book.h"
#include "services/master/core/task_book.h"
#include "services/master/core/timers.h"
#include "services/master/core/whitelist.h"

namespace meros::master {

struct Books {
  explicit Books(size_t max_request_ids) : operator_requests(max_request_ids) {}

  AgentBook agents;
  AgentOrderBook agent_orders;
  FrameworkBook frameworks;
  OfferBook offers;
  GangBook gangs;
  InverseOfferBook inverse_offers;
  TaskBook tasks;
  OperationBook operations;
  RoleBook roles;
  MaintenanceBook maintenance;
  RegistryQueue registry;
  ReportQueue reports;
  ReportQueue histories;  // agent_histories.h
  LateAgents late_agents;
  Timers timers;
  RequestLog operator_requests;

  // Frameworks that ended, oldest first, bounded by max_completed_frameworks.
  std::deque<std::unique_ptr<Framework>> completed_frameworks;

  // Agents in the order in which they became unreachable, and since when; those that returned, and
  // may have been lost again since, are skipped when met.
  std::deque<std::pair<AgentId, absl::Time>> unreachable_agents;
  // For when the earliest ForgetAgentsTimer is armed.
  absl::Time forget_agents_armed = absl::InfiniteFuture();

  // The allocator's session; 0 without one. Versions count the deltas sent on it.
  StreamId allocator_stream = 0;
  uint64_t allocator_version = 0;
  // The version that told it of the last change of limits: older proposals do not heed it.
  uint64_t limits_version = 0;

  WhitelistRef whitelist;
  absl::Time led_since = absl::InfinitePast();  // since when this master has led
  // How many agents a new leader waited for at first.
  size_t agents_to_recover = 0;
  // How many callers that waited for it have still to be answered (awaiting_leader.h).
  size_t sessions_waiting = 0;

  uint64_t next_offer_sequence = 1;
  // For when the earliest OfferExpiryTimer is armed.
  absl::Time offer_expiry_armed = absl::InfiniteFuture();
  uint64_t next_framework_number = 0;
  uint64_t next_agent_number = 0;

  Counting<ClusterCounts> counting;
  // Whose amounts or counts changed since readers were last told.
  absl::btree_set<AgentId> stale_agents;
  absl::btree_set<FrameworkId> stale_frameworks;
};

}  // namespace meros::master
