#include "libs/telemetry/strand_metrics.h"

#include "absl/strings/str_cat.h"

namespace meros::telemetry {

StrandMetrics::StrandMetrics(MetricRegistry* registry) {
  const std::string prefix = absl::StrCat("meros_", registry->service(), "_strand_");
  queued_inputs_ = registry->AddGauge(absl::StrCat(prefix, "queued_inputs"),
                                      "Inputs that wait in the mailbox of the core.");
  queue_max_inputs_ = registry->AddGauge(absl::StrCat(prefix, "queue_max_inputs"),
                                         "Bound of the mailbox; at it inputs are refused.");
  inputs_ = registry->AddCounter(absl::StrCat(prefix, "inputs_total"),
                                 "Inputs that the core has stepped.");
  rejected_posts_ = registry->AddCounter(absl::StrCat(prefix, "rejected_posts_total"),
                                         "Inputs refused because the mailbox was full.");
  step_time_ = registry->AddHistogram(absl::StrCat(prefix, "step_seconds"),
                                      "Time to step one batch of inputs and apply its effects.",
                                      LatencyBuckets());
  batch_inputs_ =
      registry->AddHistogram(absl::StrCat(prefix, "batch_inputs"), "Inputs per batch.",
                             PowerOfTwoBuckets(11));  // CoreStrandOptions::batch_max is 2^10
}

void StrandMetrics::OnStart(size_t mailbox_max) {
  queue_max_inputs_.Set(static_cast<double>(mailbox_max));
}

void StrandMetrics::OnBatch(size_t inputs, size_t queued_after, absl::Duration step_time) {
  queued_inputs_.Set(static_cast<double>(queued_after));
  inputs_.Add(static_cast<double>(inputs));
  step_time_.Observe(step_time);
  batch_inputs_.Observe(static_cast<double>(inputs));
}

void StrandMetrics::OnRejected() { rejected_posts_.Add(); }

}  // namespace meros::telemetry
