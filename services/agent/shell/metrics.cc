#include "services/agent/shell/metrics.h"

#include "libs/telemetry/log.h"

namespace meros::agent {
namespace {

size_t Index(Counter counter) { return static_cast<size_t>(counter); }

}  // namespace

AgentMetrics::AgentMetrics(telemetry::MetricRegistry* registry) : registry_(registry) {
  AddCounters();
  registered = registry->AddGauge("meros_agent_registered",
                                  "1 while the agent is registered with a master, else 0.");
  containerizer_connected =
      registry->AddGauge("meros_agent_containerizer_connected",
                         "1 while the agent has a stream to its containerizer, else 0.");
  commit_seconds_ = registry->AddHistogram("meros_agent_checkpoint_commit_seconds",
                                           "Time to make one batch of records durable.",
                                           telemetry::LatencyBuckets());
  committed_records_ =
      registry->AddCounter("meros_agent_checkpoint_records_total", "Records written or erased.");
  commit_errors_ = registry->AddCounter("meros_agent_checkpoint_errors_total",
                                        "Commits that failed and are tried again.");
}

void AgentMetrics::AddCounters() {
  counters_[Index(Counter::kTaskLaunched)] = registry_->AddCounter(
      "meros_agent_tasks_launched_total", "Tasks whose container was asked for.");
  counters_[Index(Counter::kTaskRefused)] = registry_->AddCounter(
      "meros_agent_tasks_refused_total", "Tasks refused before they got a container.");
  counters_[Index(Counter::kTaskFinished)] =
      registry_->AddCounter("meros_agent_tasks_finished_total", "Tasks that ended TASK_FINISHED.");
  counters_[Index(Counter::kTaskFailed)] =
      registry_->AddCounter("meros_agent_tasks_failed_total",
                            "Tasks that ended TASK_FAILED, TASK_ERROR or TASK_GONE_BY_OPERATOR.");
  counters_[Index(Counter::kTaskKilled)] =
      registry_->AddCounter("meros_agent_tasks_killed_total", "Tasks that ended TASK_KILLED.");
  counters_[Index(Counter::kTaskLost)] = registry_->AddCounter(
      "meros_agent_tasks_lost_total", "Tasks that ended TASK_DROPPED or TASK_LOST.");
  counters_[Index(Counter::kUpdateForwarded)] =
      registry_->AddCounter("meros_agent_updates_forwarded_total",
                            "Status updates sent to the master for the first time in a session.");
  counters_[Index(Counter::kUpdateRetried)] =
      registry_->AddCounter("meros_agent_updates_retried_total",
                            "Status updates sent again for want of an acknowledgement.");
  counters_[Index(Counter::kAckAccepted)] = registry_->AddCounter(
      "meros_agent_acknowledgements_accepted_total", "Acknowledgements of status updates.");
  counters_[Index(Counter::kAckIgnored)] = registry_->AddCounter(
      "meros_agent_acknowledgements_ignored_total",
      "Acknowledgements that were repeated, out of order or of unknown tasks.");
  counters_[Index(Counter::kMessageIgnored)] =
      registry_->AddCounter("meros_agent_messages_ignored_total",
                            "Messages of masters that did not fit the agent's state.");
  counters_[Index(Counter::kContainerLaunchError)] = registry_->AddCounter(
      "meros_agent_container_launch_errors_total", "Containers that could not be started.");
  counters_[Index(Counter::kOrphanDestroyed)] =
      registry_->AddCounter("meros_agent_orphans_destroyed_total",
                            "Containers destroyed because they belong to no task.");
  counters_[Index(Counter::kRegistration)] = registry_->AddCounter(
      "meros_agent_registrations_total", "Sessions in which a master admitted the agent.");
  counters_[Index(Counter::kRecoveryError)] =
      registry_->AddCounter("meros_agent_recovery_errors_total",
                            "Records set aside at start because they cannot be used.");
  counters_[Index(Counter::kOperationFinished)] =
      registry_->AddCounter("meros_agent_operations_finished_total",
                            "Operations on reservations and volumes that were carried out.");
  counters_[Index(Counter::kOperationFailed)] = registry_->AddCounter(
      "meros_agent_operations_failed_total",
      "Operations on reservations and volumes that were refused, dropped or failed.");
}

void AgentMetrics::Watch(const SandboxStore* sandboxes) {
  registry_->AddCallbackGauge("meros_agent_live_tasks", "Tasks that have a sandbox in use.",
                              [sandboxes] { return static_cast<double>(sandboxes->stats().live); });
  registry_->AddCallbackGauge(
      "meros_agent_discarded_sandboxes", "Sandboxes of ended tasks that are still on disk.",
      [sandboxes] { return static_cast<double>(sandboxes->stats().waiting); });
  registry_->AddCallbackCounter(
      "meros_agent_sandboxes_removed_total", "Sandboxes deleted.",
      [sandboxes] { return static_cast<double>(sandboxes->stats().removed); });
  registry_->AddCallbackCounter(
      "meros_agent_sandbox_remove_errors_total", "Sandboxes that could not be deleted.",
      [sandboxes] { return static_cast<double>(sandboxes->stats().remove_failed); });
}

void AgentMetrics::OnCommit(size_t records, absl::Duration duration) {
  commit_seconds_.Observe(duration);
  committed_records_.Add(static_cast<double>(records));
}

void AgentMetrics::OnCommitFailed(const absl::Status& status) {
  commit_errors_.Add();
  MEROS_LOG(ERROR) << "records cannot be written, and whatever depends on them waits: " << status;
}

}  // namespace meros::agent
