// Goal: whoever moves a dashboard over from Mesos finds every metric that
// docs/reference/mesos-metrics.md promises, with the labels that it names, and what a framework did
// is counted under its name. Method: a cluster of the real services, a framework with two tasks, a
// quota, an operation, and scrapes.
#include <gmock/gmock.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "libs/testing/http_get.h"
#include "libs/testing/local_cluster.h"
#include "libs/testing/metric_promises.h"
#include "libs/testing/temp_dir.h"
#include "tests/integration/recording_scheduler.h"

namespace meros::integration {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string MappingTable() {
  std::ifstream in(std::string(std::getenv("MEROS_SOURCE_DIR")) +
                   "/docs/reference/mesos-metrics.md");
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// Names of metrics in a text.
std::set<std::string> NamesIn(absl::string_view text) {
  constexpr absl::string_view kPrefix = "meros_";
  std::set<std::string> names;
  for (size_t at = 0; (at = text.find(kPrefix, at)) != absl::string_view::npos;) {
    size_t end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_", at);
    if (end == absl::string_view::npos) end = text.size();
    names.emplace(text.substr(at, end - at));
    at = end;
  }
  return names;
}

class MetricsTest : public ::testing::Test {
 protected:
  // An agent that a test stops for a while is not lost meanwhile.
  MetricsTest()
      : cluster_(
            {.directory = directory_.path(), .master_flags = {"--agent_unreachable_timeout=1h"}}) {}

  void SetUp() override {
    const absl::Status started = cluster_.Start();
    ASSERT_TRUE(started.ok()) << started;
  }

  static std::string Scrape(testing::Process& service) {
    return testing::HttpGet(service.metrics_port(), "/metrics");
  }
  std::string ScrapeAll() {
    return Scrape(cluster_.master()) + Scrape(cluster_.allocator()) + Scrape(cluster_.registry());
  }

  // One task of the framework runs, and one has failed.
  void RunTwoTasks(RecordingScheduler* scheduler, sdk::SchedulerDriver* driver) {
    ASSERT_TRUE(driver->Start().ok());
    const auto offer = scheduler->WaitOffer();
    ASSERT_TRUE(offer.has_value());
    agent_id_ = offer->agent_id().value();
    driver->LaunchTasks({offer->id()}, {ShellTask("stays", *offer, 0.1, 32, "sleep 1000"),
                                        ShellTask("fails", *offer, 0.1, 32, "exit 3")});
    ASSERT_TRUE(scheduler->WaitState("stays", meros::v1::TASK_RUNNING).has_value());
    ASSERT_TRUE(scheduler->WaitState("fails", meros::v1::TASK_FAILED).has_value());
  }
  sdk::DriverOptions Options(const std::string& name) const {
    return {.masters = {cluster_.master_address()},
            .framework = Framework(name),
            .tls = {.insecure = true}};
  }

  testing::TempDir directory_;
  testing::LocalCluster cluster_;
  std::string agent_id_;  // that the tasks run on
};

TEST_F(MetricsTest, EveryMetricOfTheMappingTableIsServed) {
  const std::set<std::string> promised = NamesIn(MappingTable());
  ASSERT_THAT(promised, SizeIs(::testing::Gt(40u))) << "the table was not read";
  const std::string served = ScrapeAll();

  std::set<std::string> missing;
  for (const std::string& name : promised) {
    if (served.find("# TYPE " + name + " ") == std::string::npos) missing.insert(name);
  }

  EXPECT_THAT(missing, IsEmpty());
}

TEST_F(MetricsTest, EveryLabelOfTheMappingTableIsServed) {
  std::vector<testing::MetricPromise> promises = testing::LabelsPromisedIn(MappingTable());
  // Which values a label has is another test's: many come of what seldom happens.
  for (testing::MetricPromise& promise : promises) promise.value.clear();
  ASSERT_THAT(promises, SizeIs(::testing::Gt(40u))) << "the table was not read";
  RecordingScheduler scheduler;
  sdk::SchedulerDriver driver(&scheduler, Options("labelled"));
  RunTwoTasks(&scheduler, &driver);
  ASSERT_EQ(cluster_.Cli({"quota", "set", "eng", "--guarantee", "cpus=1"}).exit_code, 0);
  cluster_.agent().Pause();  // an operation is in the books until its agent has answered
  ASSERT_EQ(cluster_.Cli({"reserve", agent_id_, "disk=10", "--role", "eng"}).exit_code, 0);

  std::vector<std::string> missing;
  EXPECT_TRUE(testing::Eventually(absl::Seconds(60), [&] {
    missing.clear();
    const std::string served = ScrapeAll();
    for (const testing::MetricPromise& promise : promises) {
      if (!testing::Keeps(served, promise)) missing.push_back(testing::ToString(promise));
    }
    return missing.empty();
  })) << ::testing::PrintToString(missing);
  cluster_.agent().Resume();
  driver.Stop();
}

TEST_F(MetricsTest, WhatAFrameworkDidIsCountedUnderItsName) {
  RecordingScheduler scheduler;
  sdk::SchedulerDriver driver(&scheduler, Options("counted"));
  RunTwoTasks(&scheduler, &driver);

  const std::string who = "{framework_id=\"" + scheduler.framework_id() + "\",name=\"counted\"";
  const auto expected =
      AllOf(HasSubstr("meros_master_framework_subscribed" + who + "} 1\n"),
            HasSubstr("meros_master_framework_suppressed" + who + ",role=\"*\"} 0\n"),
            HasSubstr("meros_master_framework_calls_total" + who + ",type=\"subscribe\"} 1\n"),
            HasSubstr("meros_master_framework_events_total" + who + ",type=\"subscribed\"} 1\n"),
            HasSubstr("meros_master_framework_offers_total" + who + ",what=\"accepted\"} 1\n"),
            HasSubstr("meros_master_framework_operations_total" + who + ",type=\"launch\"} 1\n"),
            HasSubstr("meros_master_framework_tasks" + who + ",state=\"running\"} 1\n"),
            HasSubstr("meros_master_framework_task_ends_total" + who + ",state=\"failed\"} 1\n"),
            HasSubstr("meros_master_task_ends_total{state=\"failed\",source=\"executor\",reason="),
            HasSubstr("meros_master_agent_changes_total{change=\"admitted\"} 1\n"),
            HasSubstr("meros_master_scheduler_calls_total{type=\"accept\"} 1\n"));
  std::string text;
  EXPECT_TRUE(testing::Eventually(absl::Seconds(60), [&] {
    text = Scrape(cluster_.master());
    return ::testing::Value(text, expected);
  })) << text;
  driver.Stop();
}

}  // namespace
}  // namespace meros::integration
