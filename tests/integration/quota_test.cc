// Goal: quotas and weights that an operator sets on the command line hold for real frameworks: a
// limit keeps a role from more, weights divide what several want, and both outlive the master.
// Method: whole clusters of the real services on loopback.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "libs/testing/local_cluster.h"
#include "libs/testing/temp_dir.h"
#include "tests/integration/recording_scheduler.h"

namespace meros::integration {
namespace {

using absl::StrContains;

class QuotaTest : public ::testing::Test {
 protected:
  QuotaTest()
      : cluster_({.directory = directory_.path(), .agent_resources = "cpus:12;mem:4096;disk:100"}) {
  }

  void SetUp() override {
    const absl::Status status = cluster_.Start();
    ASSERT_TRUE(status.ok()) << status;
  }

  std::unique_ptr<sdk::SchedulerDriver> Connect(RecordingScheduler* scheduler,
                                                const std::string& role) {
    meros::v1::FrameworkInfo info = Framework(role);
    info.set_roles(0, role);
    auto driver = std::make_unique<sdk::SchedulerDriver>(
        scheduler,
        sdk::DriverOptions{
            .masters = {cluster_.master_address()}, .framework = info, .tls = {.insecure = true}});
    EXPECT_TRUE(driver->Start().ok());
    return driver;
  }

  // Launches one task of one cpu if there is an offer that holds one, and gives the rest back at
  // once. True if it did.
  bool LaunchOne(RecordingScheduler* scheduler, sdk::SchedulerDriver* driver, int number,
                 absl::Duration patience) {
    const auto offer = scheduler->WaitOffer(patience);
    if (!offer.has_value()) return false;
    if (Amount(offer->resources(), "cpus") < 1) {
      driver->DeclineOffer(offer->id());
      return false;
    }
    meros::v1::Filters at_once;
    at_once.set_refuse_seconds(0);
    driver->LaunchTasks(
        {offer->id()}, {ShellTask(absl::StrCat("t", number), *offer, 1, 16, "sleep 600")}, at_once);
    return true;
  }

  testing::TempDir directory_;
  testing::LocalCluster cluster_;
};

TEST_F(QuotaTest, ALimitHoldsAndOutlivesTheMaster) {
  const auto set = cluster_.Cli({"quota", "set", "capped/web", "--limit", "cpus=2"});
  ASSERT_EQ(set.exit_code, 0) << set.err;
  RecordingScheduler capped;
  auto driver = Connect(&capped, "capped/web");

  ASSERT_TRUE(LaunchOne(&capped, driver.get(), 1, absl::Seconds(60)));
  ASSERT_TRUE(LaunchOne(&capped, driver.get(), 2, absl::Seconds(60)));
  ASSERT_TRUE(capped.WaitState("t2", meros::v1::TASK_RUNNING).has_value());
  const auto third = capped.WaitOffer(absl::Seconds(3));
  EXPECT_TRUE(!third.has_value() || Amount(third->resources(), "cpus") == 0);

  cluster_.master().Kill();
  ASSERT_TRUE(cluster_.RestartMaster().ok());

  // The former leader's lease has to run out first.
  const auto get = cluster_.Cli({"quota", "get", "capped/web", "--json", "--timeout", "60"});
  EXPECT_EQ(get.exit_code, 0) << get.err;
  EXPECT_TRUE(StrContains(get.out, "\"limits\":{\"cpus\":{\"value\":2}}")) << get.out;
  const auto after = capped.WaitOffer(absl::Seconds(5));
  EXPECT_TRUE(!after.has_value() || Amount(after->resources(), "cpus") == 0);
  driver->Stop();
  EXPECT_TRUE(driver->Join().ok());
}

TEST_F(QuotaTest, WeightsDivideWhatTwoRolesWant) {
  ASSERT_EQ(cluster_.Cli({"weight", "set", "heavy", "2"}).exit_code, 0);
  RecordingScheduler heavy, light;
  auto heavy_driver = Connect(&heavy, "heavy");
  auto light_driver = Connect(&light, "light");

  int heavy_tasks = 0, light_tasks = 0;
  testing::Eventually(absl::Seconds(60), [&] {
    const absl::Duration soon = absl::Milliseconds(50);
    if (LaunchOne(&heavy, heavy_driver.get(), heavy_tasks, soon)) ++heavy_tasks;
    if (LaunchOne(&light, light_driver.get(), light_tasks, soon)) ++light_tasks;
    return heavy_tasks + light_tasks >= 12;
  });

  EXPECT_EQ(heavy_tasks, 8);
  EXPECT_EQ(light_tasks, 4);
  const auto roles = cluster_.Cli({"role"});
  EXPECT_TRUE(StrContains(roles.out, "heavy")) << roles.out << roles.err;
  for (auto* driver : {heavy_driver.get(), light_driver.get()}) {
    driver->Stop();
    EXPECT_TRUE(driver->Join().ok());
  }
}

TEST_F(QuotaTest, WhatMakesNoSenseIsRefusedWithTheReason) {
  const auto above = cluster_.Cli({"quota", "set", "eng", "--guarantee", "cpus=20"});
  EXPECT_EQ(above.exit_code, 1);
  EXPECT_TRUE(StrContains(above.err, "8 more than the 12 of the cluster")) << above.err;
  const auto below =
      cluster_.Cli({"quota", "set", "eng", "--guarantee", "cpus=4", "--limit", "cpus=3"});
  EXPECT_EQ(below.exit_code, 1);
  EXPECT_TRUE(StrContains(below.err, "must be at least the guarantee of 4")) << below.err;
  EXPECT_EQ(cluster_.Cli({"weight", "set", "eng", "0"}).exit_code, 1);
  EXPECT_EQ(cluster_.Cli({"quota", "set", "a//b", "--limit", "cpus=3"}).exit_code, 1);

  ASSERT_EQ(cluster_.Cli({"quota", "set", "eng", "--guarantee", "cpus=4"}).exit_code, 0);
  const auto stale =
      cluster_.Cli({"quota", "set", "eng", "--guarantee", "cpus=5", "--version", "1"});
  EXPECT_EQ(stale.exit_code, 1);
  EXPECT_TRUE(StrContains(stale.err, "role eng has changed")) << stale.err;
  const auto nested = cluster_.Cli({"quota", "set", "eng/web", "--guarantee", "cpus=5", "--force"});
  EXPECT_EQ(nested.exit_code, 1);
  EXPECT_TRUE(StrContains(nested.err, "which is 1 too much")) << nested.err;
  EXPECT_EQ(cluster_.Cli({"quota", "rm", "eng"}).exit_code, 0);
  EXPECT_EQ(cluster_.Cli({"quota", "get", "eng"}).exit_code, 1);
}

}  // namespace
}  // namespace meros::integration
