#include "services/master/shell/master_metrics.h"

namespace meros::master {
namespace {

template <typename... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <typename... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

}  // namespace

MasterMetrics::MasterMetrics(telemetry::MetricRegistry* r)
    : offers_sent(r->AddCounter("meros_master_offers_sent_total", "Offers sent to frameworks.")),
      offers_rescinded(r->AddCounter("meros_master_offers_rescinded_total",
                                     "Offers taken back from connected frameworks.")),
      offers_declined(
          r->AddCounter("meros_master_offers_declined_total", "Offers that frameworks declined.")),
      offers_expired(r->AddCounter("meros_master_offers_expired_total",
                                   "Offers rescinded because of offer_timeout.")),
      launches(r->AddCounter("meros_master_launches_total", "Tasks sent to agents.")),
      kills(r->AddCounter("meros_master_kills_total", "Kills sent to agents.")),
      acknowledgements(r->AddCounter("meros_master_acknowledgements_total",
                                     "Acknowledgements of status updates sent to agents.")),
      status_updates_forwarded(r->AddCounter("meros_master_status_updates_forwarded_total",
                                             "Task status updates sent to frameworks.")),
      status_updates_invalid(
          r->AddCounter("meros_master_status_updates_invalid_total",
                        "Status updates of tasks or frameworks that are not known.")),
      acknowledgements_invalid(r->AddCounter(
          "meros_master_acknowledgements_invalid_total",
          "Acknowledgements of tasks that are not known, or of agents that are away.")),
      messages_dropped(
          r->AddCounter("meros_master_messages_dropped_total",
                        "Messages between schedulers and executors that were dropped.")),
      task_errors(r->AddCounter("meros_master_task_errors_total",
                                "Tasks that were refused when their launch was validated.")),
      calls_failed(r->AddCounter("meros_master_calls_failed_total",
                                 "Calls of schedulers and operators that were refused.")),
      requests_repeated(r->AddCounter("meros_master_requests_repeated_total",
                                      "Calls that repeated a request id and had no effect.")),
      inputs_deferred(r->AddCounter("meros_master_inputs_deferred_total",
                                    "Inputs kept while the lease was in doubt.")),
      inputs_deferred_refused(
          r->AddCounter("meros_master_inputs_deferred_refused_total",
                        "Inputs refused because max_deferred_inputs were kept already.")),
      leader_waits(r->AddCounter("meros_master_leader_waits_total",
                                 "Agents and frameworks that this master, while it did not lead, "
                                 "kept until the next leader was known.")),
      early_reports(r->AddCounter("meros_master_agent_reports_early_total",
                                  "Reports that agents gave this master while they waited for a "
                                  "leader.")),
      proposals_rejected(r->AddCounter("meros_master_proposals_rejected_total",
                                       "Proposals of the allocator that no longer held.")),
      registry_retries(r->AddCounter("meros_master_registry_retries_total",
                                     "Writes to the registry that were tried again.")),
      transitions_forbidden(
          r->AddCounter("meros_master_transitions_forbidden_total",
                        "Task states that were reported but may not follow the present one.")),
      role_changes(r->AddCounter("meros_master_role_changes_total",
                                 "Roles of which operators changed something.")),
      offers_rescinded_for_quota(r->AddCounter("meros_master_offers_rescinded_for_quota_total",
                                               "Offers taken back because a quota was set.")),
      tasks_preempted(r->AddCounter("meros_master_tasks_preempted_total",
                                    "Tasks killed because a guarantee was not met.")),
      offers_preempted(r->AddCounter("meros_master_offers_preempted_total",
                                     "Offers taken back because a guarantee was not met.")),
      preemptions_refused(r->AddCounter(
          "meros_master_preemptions_refused_total",
          "Proposals of the allocator to preempt that did not hold; the log says why.")),
      gangs_offered(r->AddCounter("meros_master_gangs_offered_total",
                                  "Gangs of which all bundles were offered.")),
      gangs_expired(r->AddCounter("meros_master_gangs_expired_total",
                                  "Gangs dropped because their deadline had passed.")),
      agent_orders(r->AddCounter("meros_master_agent_orders_total",
                                 "Times that agents were deactivated, reactivated or drained.")),
      agents_drained(
          r->AddCounter("meros_master_agents_drained_total", "Agents that were drained empty.")),
      agents_gone(r->AddCounter("meros_master_agents_gone_total",
                                "Agents that were declared gone for good.")),
      agents_forgotten(r->AddCounter("meros_master_agents_forgotten_total",
                                     "Agents that were unreachable for too long, or were too "
                                     "many, and of which nothing is kept.")),
      unreachable_scheduled(r->AddCounter("meros_master_unreachable_scheduled_total",
                                          "Agents that were silent for so long that they are to "
                                          "be declared unreachable.")),
      unreachable_canceled(r->AddCounter("meros_master_unreachable_canceled_total",
                                         "Of these, those that were heard again before it was "
                                         "their turn.")),
      maintenance_changes(r->AddCounter("meros_master_maintenance_changes_total",
                                        "Times that maintenance was planned, started or stopped.")),
      agents_sent_away(r->AddCounter("meros_master_agents_sent_away_total",
                                     "Agents removed because their machine went down for "
                                     "maintenance.")),
      agents_refused_down(r->AddCounter("meros_master_agents_refused_down_total",
                                        "Times that an agent was refused because its machine is "
                                        "down for maintenance.")),
      inverse_offers_sent(r->AddCounter("meros_master_inverse_offers_sent_total",
                                        "Inverse offers sent to frameworks.")),
      inverse_offers_accepted(r->AddCounter("meros_master_inverse_offers_accepted_total",
                                            "Inverse offers that frameworks accepted.")),
      inverse_offers_declined(r->AddCounter("meros_master_inverse_offers_declined_total",
                                            "Inverse offers that frameworks declined.")),
      inverse_offers_expired(r->AddCounter("meros_master_inverse_offers_expired_total",
                                           "Inverse offers taken back because of "
                                           "offer_timeout.")),
      operations_applied(
          r->AddCounter("meros_master_operations_applied_total",
                        "Operations on reservations and volumes that were sent to agents.")),
      operations_refused(
          r->AddCounter("meros_master_operations_refused_total",
                        "Operations of frameworks that were refused with OPERATION_ERROR.")),
      agent_disputes(r->AddCounterFamily(
          "meros_master_agent_disputes_total",
          "Times that an agent said what contradicts the master's books, and was not believed: "
          "another's id, task or operation, a total less than what is used, too many frameworks, "
          "ended tasks that it was not asked for.",
          {.label = "what"})),
      agent_ids_disputed(agent_disputes.With("id")),
      agent_tasks_disputed(agent_disputes.With("task")),
      agent_operations_disputed(agent_disputes.With("operation")),
      agent_totals_disputed(agent_disputes.With("total")),
      agent_frameworks_disputed(agent_disputes.With("frameworks")),
      agent_histories_disputed(agent_disputes.With("history")),
      agent_digests_matched(r->AddCounter(
          "meros_master_agent_digests_matched_total",
          "Agents that came back with what the master knew, and were not asked for more.")),
      agent_reports_asked(r->AddCounter("meros_master_agent_reports_asked_total",
                                        "Agents that came back and were asked for all they run.")),
      agent_histories_asked(
          r->AddCounter("meros_master_agent_histories_asked_total",
                        "Agents that were asked which tasks ended before this master led.")),
      agent_history_tasks(
          r->AddCounter("meros_master_agent_history_tasks_total",
                        "Ended tasks that entered a framework's history from an agent's.")),
      frames_malformed(r->AddCounter("meros_master_frames_malformed_total",
                                     "Calls and messages that ended their stream as malformed.")),
      streams_open(r->AddGaugeFamily("meros_master_streams",
                                     "Open streams: of a scheduler, of an agent, of a watch or of "
                                     "a snapshot.",
                                     {.label = "of"})),
      streams_cut(r->AddCounterFamily("meros_master_streams_cut_total",
                                      "Streams that were ended because their peer read too slowly.",
                                      {.label = "of"})),
      scheduler_streams{streams_open.With("scheduler"), streams_cut.With("scheduler")},
      agent_streams{streams_open.With("agent"), streams_cut.With("agent")},
      watch_streams{streams_open.With("watch"), streams_cut.With("watch")},
      snapshot_streams{streams_open.With("snapshot"), streams_cut.With("snapshot")},
      registry_write_time(r->AddHistogram("meros_master_registry_write_seconds",
                                          "Time from a write to the registry's answer.",
                                          telemetry::LatencyBuckets())),
      cluster(r),
      roles(r),
      counts(r),
      watch_subscribers(r->AddGauge("meros_master_watch_subscribers", "Open Watch streams.")),
      allocator_connected(r->AddGauge("meros_master_allocator_connected",
                                      "1 while a session with the allocator is open, else 0.")) {}

telemetry::Counter* MasterMetrics::CounterOfReturn(master::Count what) {
  switch (what) {
    case master::Count::kAgentIdDisputed:
      return &agent_ids_disputed;
    case master::Count::kAgentTaskDisputed:
      return &agent_tasks_disputed;
    case master::Count::kAgentOperationDisputed:
      return &agent_operations_disputed;
    case master::Count::kAgentTotalDisputed:
      return &agent_totals_disputed;
    case master::Count::kAgentFrameworksDisputed:
      return &agent_frameworks_disputed;
    case master::Count::kAgentHistoryDisputed:
      return &agent_histories_disputed;
    case master::Count::kAgentDigestsMatched:
      return &agent_digests_matched;
    case master::Count::kAgentReportsAsked:
      return &agent_reports_asked;
    case master::Count::kAgentHistoriesAsked:
      return &agent_histories_asked;
    case master::Count::kAgentHistoryTasks:
      return &agent_history_tasks;
    case master::Count::kAgentsForgotten:
      return &agents_forgotten;
    case master::Count::kUnreachableScheduled:
      return &unreachable_scheduled;
    case master::Count::kUnreachableCanceled:
      return &unreachable_canceled;
    default:
      return nullptr;
  }
}

void MasterMetrics::Count(const Counted& counted) {
  auto counter = [&]() -> telemetry::Counter* {
    switch (counted.what) {
      case master::Count::kOffersExpired:
        return &offers_expired;
      case master::Count::kOffersDeclined:
        return &offers_declined;
      case master::Count::kInvalidAcknowledgements:
        return &acknowledgements_invalid;
      case master::Count::kInvalidStatusUpdates:
        return &status_updates_invalid;
      case master::Count::kDroppedMessages:
        return &messages_dropped;
      case master::Count::kTaskErrors:
        return &task_errors;
      case master::Count::kFailedCalls:
        return &calls_failed;
      case master::Count::kRepeatedRequests:
        return &requests_repeated;
      case master::Count::kDeferredInputs:
        return &inputs_deferred;
      case master::Count::kDeferredOverflow:
        return &inputs_deferred_refused;
      case master::Count::kLeaderWaits:
        return &leader_waits;
      case master::Count::kEarlyReports:
        return &early_reports;
      case master::Count::kProposalsRejected:
        return &proposals_rejected;
      case master::Count::kRegistryRetries:
        return &registry_retries;
      case master::Count::kForbiddenTransitions:
        return &transitions_forbidden;
      case master::Count::kRoleChanges:
        return &role_changes;
      case master::Count::kOffersRescindedForQuota:
        return &offers_rescinded_for_quota;
      case master::Count::kGangsOffered:
        return &gangs_offered;
      case master::Count::kGangsExpired:
        return &gangs_expired;
      case master::Count::kAgentOrders:
        return &agent_orders;
      case master::Count::kAgentsDrained:
        return &agents_drained;
      case master::Count::kAgentsGone:
        return &agents_gone;
      case master::Count::kMaintenanceChanges:
        return &maintenance_changes;
      case master::Count::kAgentsSentAway:
        return &agents_sent_away;
      case master::Count::kAgentsRefusedDown:
        return &agents_refused_down;
      case master::Count::kInverseOffersAccepted:
        return &inverse_offers_accepted;
      case master::Count::kInverseOffersDeclined:
        return &inverse_offers_declined;
      case master::Count::kInverseOffersExpired:
        return &inverse_offers_expired;
      case master::Count::kOperationsApplied:
        return &operations_applied;
      case master::Count::kOperationsRefused:
        return &operations_refused;
      default:
        return CounterOfReturn(counted.what);
    }
  }();
  if (counter != nullptr) counter->Add(counted.by);
}

void MasterMetrics::Count(const Preempted& preempted) {
  (preempted.task_id.empty() ? offers_preempted : tasks_preempted).Add();
}

void MasterMetrics::Count(const PreemptionRefused&) { preemptions_refused.Add(); }

void MasterMetrics::Count(const ToScheduler& message) {
  std::visit(
      Overloaded{[&](const OffersEvent& e) { offers_sent.Add(e.offers.size()); },
                 [&](const RescindEvent&) { offers_rescinded.Add(); },
                 [&](const InverseOffersEvent& e) { inverse_offers_sent.Add(e.offers.size()); },
                 [&](const UpdateEvent&) { status_updates_forwarded.Add(); }, [](const auto&) {}},
      message.event);
}

void MasterMetrics::Count(const ToAgent& message) {
  std::visit(
      Overloaded{[&](const RunTaskMessage&) { launches.Add(); },
                 [&](const RunGroupMessage& group) { launches.Add(group.tasks.size()); },
                 [&](const KillTaskMessage&) { kills.Add(); },
                 [&](const AcknowledgeMessage&) { acknowledgements.Add(); }, [](const auto&) {}},
      message.message);
}

}  // namespace meros::master
