#include "services/agent/shell/metrics.h"

#include "libs/telemetry/log.h"

namespace meros::agent {
namespace {

struct CounterText {
  Counter counter;
  const char* name;
  const char* help;
};

constexpr CounterText kCounters[] = {
    {Counter::kTaskLaunched, "meros_agent_tasks_launched_total",
     "Tasks whose container was asked for."},
    {Counter::kTaskRefused, "meros_agent_tasks_refused_total",
     "Tasks refused before they got a container."},
    {Counter::kTaskFinished, "meros_agent_tasks_finished_total", "Tasks that ended TASK_FINISHED."},
    {Counter::kTaskFailed, "meros_agent_tasks_failed_total",
     "Tasks that ended TASK_FAILED, TASK_ERROR or TASK_GONE_BY_OPERATOR."},
    {Counter::kTaskKilled, "meros_agent_tasks_killed_total", "Tasks that ended TASK_KILLED."},
    {Counter::kTaskLost, "meros_agent_tasks_lost_total",
     "Tasks that ended TASK_DROPPED or TASK_LOST."},
    {Counter::kUpdateForwarded, "meros_agent_updates_forwarded_total",
     "Status updates sent to the master for the first time in a session."},
    {Counter::kUpdateRetried, "meros_agent_updates_retried_total",
     "Status updates sent again for want of an acknowledgement."},
    {Counter::kAckAccepted, "meros_agent_acknowledgements_accepted_total",
     "Acknowledgements of status updates."},
    {Counter::kAckIgnored, "meros_agent_acknowledgements_ignored_total",
     "Acknowledgements that were repeated, out of order or of unknown tasks."},
    {Counter::kMessageIgnored, "meros_agent_messages_ignored_total",
     "Messages of masters that did not fit the agent's state."},
    {Counter::kContainerLaunchError, "meros_agent_container_launch_errors_total",
     "Containers that could not be started."},
    {Counter::kOrphanDestroyed, "meros_agent_orphans_destroyed_total",
     "Containers destroyed because they belong to no task."},
    {Counter::kRegistration, "meros_agent_registrations_total",
     "Sessions in which a master admitted the agent."},
    {Counter::kRecoveryError, "meros_agent_recovery_errors_total",
     "Records set aside at start because they cannot be used."},
};

}  // namespace

AgentMetrics::AgentMetrics(telemetry::MetricRegistry* registry) : registry_(registry) {
  for (const CounterText& text : kCounters) {
    counters_[static_cast<size_t>(text.counter)] = registry->AddCounter(text.name, text.help);
  }
  registered = registry->AddGauge("meros_agent_registered",
                                  "1 while the agent is registered with a master, else 0.");
  containerizer_connected =
      registry->AddGauge("meros_agent_containerizer_connected",
                         "1 while the agent has a stream to its containerizer, else 0.");
  commit_seconds_ =
      registry->AddHistogram("meros_agent_checkpoint_commit_seconds",
                             "Time to make one batch of records durable.", telemetry::LatencyBuckets());
  committed_records_ = registry->AddCounter("meros_agent_checkpoint_records_total",
                                            "Records written or erased.");
  commit_errors_ = registry->AddCounter("meros_agent_checkpoint_errors_total",
                                        "Commits that failed and are tried again.");
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
