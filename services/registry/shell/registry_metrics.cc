#include "services/registry/shell/registry_metrics.h"

namespace meros::registry {

RegistryMetrics::RegistryMetrics(telemetry::MetricRegistry* metrics)
    : strand(metrics),
      requests(
          metrics->AddCounter("meros_registry_requests_total", "Requests received on sessions.")),
      sessions(metrics->AddGauge("meros_registry_sessions", "Open sessions.")),
      watchers_cut(metrics->AddCounter("meros_registry_watchers_cut_total",
                                       "Watches ended because their reader was too slow.")),
      commits_(metrics->AddCounter("meros_registry_store_commits_total",
                                   "Transactions made durable by the store.")),
      changes_(metrics->AddCounter("meros_registry_record_changes_total",
                                   "Records written or deleted, durably.")),
      failures_(metrics->AddCounter("meros_registry_store_failures_total",
                                    "Transactions that the store refused or failed.")),
      commit_time_(metrics->AddHistogram("meros_registry_store_commit_seconds",
                                         "Time that the store took for one transaction.",
                                         telemetry::LatencyBuckets())),
      records_(metrics->AddGauge("meros_registry_records", "Durable records.")),
      record_bytes_(
          metrics->AddGauge("meros_registry_record_bytes", "Size of all records' values.")),
      epoch_(
          metrics->AddGauge("meros_registry_lease_epoch",
                            "Epoch of the newest grant of the leader lease; 0 before the first.")),
      writable_(
          metrics->AddGauge("meros_registry_writable",
                            "1 while writes are taken, 0 from a failure of the store until it has "
                            "taken a write again.")),
      queued_writes_(metrics->AddGauge("meros_registry_queued_writes",
                                       "Writes that wait for the next transaction.")),
      watchers_(metrics->AddGauge("meros_registry_watchers", "Watches of records.")) {
  writable_.Set(1);
}

void RegistryMetrics::OnCommit(const absl::Status& status, size_t changes, absl::Duration took) {
  commit_time_.Observe(took);
  if (!status.ok()) return failures_.Add();
  commits_.Add();
  changes_.Add(static_cast<double>(changes));
}

void RegistryMetrics::OnState(const RegistryCore& core) {
  records_.Set(static_cast<double>(core.records().size()));
  record_bytes_.Set(static_cast<double>(core.records().value_bytes()));
  epoch_.Set(static_cast<double>(core.lease().epoch()));
  writable_.Set(TakesWrites(core.write_state()) ? 1 : 0);
  queued_writes_.Set(static_cast<double>(core.queued_writes()));
  watchers_.Set(static_cast<double>(core.record_watchers()));
}

}  // namespace meros::registry
