// Goal: names keep the rule, label values stay bounded, and the text is what Prometheus reads.
// Method: a registry without a server.
#include "libs/telemetry/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/telemetry/process_metrics.h"
#include "libs/telemetry/strand_metrics.h"

namespace meros::telemetry {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

bool IsAccepted(MetricKind kind, absl::string_view name,
                absl::string_view help = "What it counts.") {
  return CheckMetricName("master", kind, name, help).ok();
}

TEST(MetricNames, FollowTheRule) {
  EXPECT_TRUE(IsAccepted(MetricKind::kCounter, "meros_master_offers_sent_total"));
  EXPECT_TRUE(IsAccepted(MetricKind::kGauge, "meros_master_agents"));
  EXPECT_TRUE(IsAccepted(MetricKind::kHistogram, "meros_master_launch_seconds"));

  EXPECT_FALSE(IsAccepted(MetricKind::kCounter, "meros_agent_offers_total"));  // another service's
  EXPECT_FALSE(IsAccepted(MetricKind::kCounter, "meros_master_"));
  EXPECT_FALSE(IsAccepted(MetricKind::kCounter, "meros_master_Offers_total"));
  EXPECT_FALSE(IsAccepted(MetricKind::kCounter, "meros_master__offers_total"));
  EXPECT_FALSE(IsAccepted(MetricKind::kCounter, "meros_master_offers"));
  EXPECT_FALSE(IsAccepted(MetricKind::kGauge, "meros_master_agents_total"));
  EXPECT_FALSE(IsAccepted(MetricKind::kHistogram, "meros_master_launch"));
  EXPECT_FALSE(IsAccepted(MetricKind::kGauge, "meros_master_agents", ""));
  EXPECT_FALSE(IsAccepted(MetricKind::kGauge, "meros_master_agents", "no period"));
}

TEST(MetricRegistry, WritesHelpTypeAndValue) {
  MetricRegistry registry("master");
  registry.AddCounter("meros_master_offers_sent_total", "Offers sent.").Add(3);
  registry.AddGauge("meros_master_agents", "Agents.").Set(7);
  registry.AddHistogram("meros_master_launch_seconds", "Launch time.", {0.1, 1})
      .Observe(absl::Milliseconds(500));
  registry.AddCallbackGauge("meros_master_views", "Views.", [] { return 2.0; });

  const std::string text = registry.Serialize();

  EXPECT_THAT(text, HasSubstr("# HELP meros_master_offers_sent_total Offers sent.\n"
                              "# TYPE meros_master_offers_sent_total counter\n"
                              "meros_master_offers_sent_total 3\n"));
  EXPECT_THAT(text, HasSubstr("meros_master_agents 7\n"));
  EXPECT_THAT(text, HasSubstr("meros_master_launch_seconds_bucket{le=\"0.1\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("meros_master_launch_seconds_bucket{le=\"1\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("meros_master_views 2\n"));
  EXPECT_THAT(text, HasSubstr("meros_master_bugs_total 0\n"));
}

TEST(MetricRegistry, ATableShowsTheRowsOfItsLastReplacement) {
  MetricRegistry registry("master");
  MetricTable ends =
      registry.AddCounterTable("meros_master_task_ends_total", "Ended tasks.", {"state", "reason"});
  EXPECT_THAT(registry.Serialize(), HasSubstr("# TYPE meros_master_task_ends_total counter\n"));

  ends.Replace({{{"failed", "a \"b\""}, 2}, {{"lost", ""}, 3}});
  EXPECT_THAT(registry.Serialize(),
              HasSubstr("meros_master_task_ends_total{state=\"failed\",reason=\"a \\\"b\\\"\"} 2\n"
                        "meros_master_task_ends_total{state=\"lost\",reason=\"\"} 3\n"));
  ends.Replace({{{"lost", ""}, 4}});
  EXPECT_THAT(registry.Serialize(), HasSubstr("meros_master_task_ends_total{state=\"lost\""));
  EXPECT_THAT(registry.Serialize(), Not(HasSubstr("failed")));
}

TEST(MetricRegistry, LabelValuesBeyondTheBoundAreCountedTogether) {
  MetricRegistry registry("master");
  const CounterFamily refused = registry.AddCounterFamily(
      "meros_master_calls_refused_total", "Calls refused.", {.label = "reason", .values_max = 2});
  for (const char* reason : {"a", "b", "c", "d", "a"}) refused.With(reason).Add();

  const std::string text = registry.Serialize();

  EXPECT_THAT(text, HasSubstr("{reason=\"a\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("{reason=\"other\"} 2\n"));
  EXPECT_THAT(text, Not(HasSubstr("reason=\"c\"")));
}

TEST(MetricRegistry, AFamilyIsDescribedBeforeItsFirstValue) {
  MetricRegistry registry("master");
  registry.AddCounterFamily("meros_master_calls_refused_total", "Calls refused.",
                            {.label = "reason"});

  EXPECT_THAT(registry.Serialize(),
              HasSubstr("# HELP meros_master_calls_refused_total Calls refused.\n"
                        "# TYPE meros_master_calls_refused_total counter\n"));
}

TEST(MetricRegistry, HandlesOfNothingCountNothing) {
  Counter().Add();
  Gauge().Set(1);
  Histogram().Observe(1.0);
  CounterFamily().With("x").Add();
}

TEST(MetricRegistryDeathTest, ANameIsUsedOnce) {
  MetricRegistry registry("master");
  registry.AddGauge("meros_master_agents", "Agents.");

  EXPECT_DEATH(registry.AddGauge("meros_master_agents", "Agents."), "exists");
}

TEST(ProcessMetrics, AreThoseOfThisProcess) {
  MetricRegistry registry("master");
  AddProcessMetrics(&registry);

  const std::string text = registry.Serialize();

  EXPECT_THAT(text, HasSubstr("# TYPE process_cpu_seconds_total counter\n"));
  EXPECT_THAT(text, ContainsRegex("\nprocess_resident_memory_bytes [1-9]"));
  EXPECT_THAT(text, ContainsRegex("\nprocess_open_fds [1-9]"));
  EXPECT_THAT(text, ContainsRegex("\nprocess_max_fds [1-9]"));
  EXPECT_THAT(text, ContainsRegex("\nprocess_start_time_seconds [1-9]"));
  EXPECT_THAT(text, ContainsRegex("\nprocess_threads [1-9]"));
}

TEST(StrandMetrics, ReportQueueStepsAndRefusals) {
  MetricRegistry registry("master");
  StrandMetrics strand(&registry);
  strand.OnStart(/*mailbox_max=*/100);
  strand.OnBatch(/*inputs=*/3, /*queued_after=*/5, absl::Milliseconds(3));
  strand.OnBatch(/*inputs=*/1, /*queued_after=*/4, absl::Microseconds(3));
  strand.OnRejected();

  const std::string text = registry.Serialize();

  EXPECT_THAT(text, HasSubstr("meros_master_strand_queued_inputs 4\n"));
  EXPECT_THAT(text, HasSubstr("meros_master_strand_queue_max_inputs 100\n"));
  EXPECT_THAT(text, HasSubstr("meros_master_strand_inputs_total 4\n"));
  EXPECT_THAT(text, HasSubstr("meros_master_strand_rejected_posts_total 1\n"));
  EXPECT_THAT(text, HasSubstr("meros_master_strand_step_seconds_count 2\n"));
  EXPECT_THAT(text, HasSubstr("meros_master_strand_batch_inputs_bucket{le=\"2\"} 1\n"));
}

}  // namespace
}  // namespace meros::telemetry
