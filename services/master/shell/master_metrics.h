// The master's own metrics. Described in docs/reference/metrics.md.
//
// Thread rule: thread-safe; made once, at start.
#pragma once

#include "libs/telemetry/metrics.h"
#include "services/master/core/effects.h"
#include "services/master/shell/cluster_gauges.h"
#include "services/master/shell/count_tables.h"
#include "services/master/shell/role_gauges.h"

namespace meros::master {

// The streams of one kind of peer.
struct StreamCounts {
  telemetry::Gauge open;
  telemetry::Counter cut;  // because their peer read too slowly

  void NoteOpened() { open.Add(1); }
  void NoteClosed(bool was_cut) {
    open.Add(-1);
    if (was_cut) cut.Add();
  }
};

struct MasterMetrics {
  explicit MasterMetrics(telemetry::MetricRegistry* registry);

  void Count(const Counted& counted);
  void Count(const Preempted& preempted);
  void Count(const PreemptionRefused& refused);
  void Count(const ToScheduler& message);
  void Count(const ToAgent& message);

  // Of agents that came back, and of those that were not believed; null for all else.
  telemetry::Counter* CounterOfReturn(master::Count what);

  telemetry::Counter offers_sent;
  telemetry::Counter offers_rescinded;
  telemetry::Counter offers_declined;
  telemetry::Counter offers_expired;
  telemetry::Counter launches;
  telemetry::Counter kills;
  telemetry::Counter acknowledgements;
  telemetry::Counter status_updates_forwarded;
  telemetry::Counter status_updates_invalid;
  telemetry::Counter acknowledgements_invalid;
  telemetry::Counter messages_dropped;
  telemetry::Counter task_errors;
  telemetry::Counter calls_failed;
  telemetry::Counter requests_repeated;
  telemetry::Counter inputs_deferred;
  telemetry::Counter inputs_deferred_refused;
  telemetry::Counter leader_waits;
  telemetry::Counter early_reports;
  telemetry::Counter proposals_rejected;
  telemetry::Counter registry_retries;
  telemetry::Counter transitions_forbidden;
  telemetry::Counter role_changes;
  telemetry::Counter offers_rescinded_for_quota;
  telemetry::Counter tasks_preempted;
  telemetry::Counter offers_preempted;
  telemetry::Counter preemptions_refused;
  telemetry::Counter gangs_offered;
  telemetry::Counter gangs_expired;
  telemetry::Counter agent_orders;
  telemetry::Counter agents_drained;
  telemetry::Counter agents_gone;
  telemetry::Counter agents_forgotten;
  telemetry::Counter unreachable_scheduled;
  telemetry::Counter unreachable_canceled;
  telemetry::Counter maintenance_changes;
  telemetry::Counter agents_sent_away;
  telemetry::Counter agents_refused_down;
  telemetry::Counter inverse_offers_sent;
  telemetry::Counter inverse_offers_accepted;
  telemetry::Counter inverse_offers_declined;
  telemetry::Counter inverse_offers_expired;
  telemetry::Counter operations_applied;
  telemetry::Counter operations_refused;
  telemetry::CounterFamily agent_disputes;  // and its values:
  telemetry::Counter agent_ids_disputed;
  telemetry::Counter agent_tasks_disputed;
  telemetry::Counter agent_operations_disputed;
  telemetry::Counter agent_totals_disputed;
  telemetry::Counter agent_frameworks_disputed;
  telemetry::Counter agent_histories_disputed;
  telemetry::Counter agent_digests_matched;
  telemetry::Counter agent_reports_asked;
  telemetry::Counter agent_histories_asked;
  telemetry::Counter agent_history_tasks;
  telemetry::Counter frames_malformed;
  telemetry::GaugeFamily streams_open;
  telemetry::CounterFamily streams_cut;  // and their values:
  StreamCounts scheduler_streams;
  StreamCounts agent_streams;
  StreamCounts watch_streams;
  StreamCounts snapshot_streams;
  telemetry::Histogram registry_write_time;
  ClusterGauges cluster;
  RoleGauges roles;
  CountTables counts;
  telemetry::Gauge watch_subscribers;
  telemetry::Gauge allocator_connected;
};

}  // namespace meros::master
