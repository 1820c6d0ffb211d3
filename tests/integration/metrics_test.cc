// Goal: whoever moves a dashboard over from Mesos finds every metric that
// docs/reference/mesos-metrics.md promises, and what a framework did is counted under its name.
// Method: a cluster of the real services, a framework with two tasks, and scrapes.
#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "libs/testing/http_get.h"
#include "libs/testing/local_cluster.h"
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
  MetricsTest() : cluster_({.directory = directory_.path()}) {}

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

  testing::TempDir directory_;
  testing::LocalCluster cluster_;
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

TEST_F(MetricsTest, WhatAFrameworkDidIsCountedUnderItsName) {
  RecordingScheduler scheduler;
  sdk::SchedulerDriver driver(&scheduler, {.masters = {cluster_.master_address()},
                                           .framework = Framework("counted"),
                                           .tls = {.insecure = true}});
  ASSERT_TRUE(driver.Start().ok());
  const auto offer = scheduler.WaitOffer();
  ASSERT_TRUE(offer.has_value());
  driver.LaunchTasks({offer->id()}, {ShellTask("stays", *offer, 0.1, 32, "sleep 1000"),
                                     ShellTask("fails", *offer, 0.1, 32, "exit 3")});
  ASSERT_TRUE(scheduler.WaitState("stays", meros::v1::TASK_RUNNING).has_value());
  ASSERT_TRUE(scheduler.WaitState("fails", meros::v1::TASK_FAILED).has_value());

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
