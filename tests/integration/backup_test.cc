// Goal: a cluster whose record is lost comes back from a backup: agents under their ids, tasks
// still running, quotas set, and no leader from before in the way. Method: a whole cluster of the
// real services; the backup is taken while it runs.
#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "libs/testing/local_cluster.h"
#include "libs/testing/temp_dir.h"
#include "tests/integration/recording_scheduler.h"

namespace meros::integration {
namespace {

using absl::StrContains;

constexpr absl::Duration kPatience = absl::Minutes(2);

class BackupTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const absl::Status status = cluster_.Start();
    ASSERT_TRUE(status.ok()) << status;
  }
  // Everything that the disk of the registry's machine held.
  void WipeRegistry() {
    for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(store_ + suffix);
  }

  testing::TempDir directory_;
  const std::string store_ = directory_ / "registry.db";
  const std::string backup_ = directory_ / "backup.db";
  testing::LocalCluster cluster_{{.directory = directory_.path()}};
};

TEST_F(BackupTest, BackupWipeRestore) {
  ASSERT_EQ(cluster_.Cli({"quota", "set", "web", "--limit", "cpus=2"}).exit_code, 0);
  RecordingScheduler scheduler;
  sdk::SchedulerDriver driver(&scheduler, {.masters = {cluster_.master_address()},
                                           .framework = Framework("survivor"),
                                           .tls = {.insecure = true}});
  ASSERT_TRUE(driver.Start().ok());
  const auto offer = scheduler.WaitOffer(kPatience);
  ASSERT_TRUE(offer.has_value());
  driver.LaunchTasks({offer->id()}, {ShellTask("long", *offer, 1, 64, "sleep 1000")});
  ASSERT_TRUE(scheduler.WaitState("long", meros::v1::TASK_RUNNING, kPatience).has_value());

  const auto saved =
      cluster_.Cli({"registry", "backup", "--registry", cluster_.registry_address(), backup_});
  ASSERT_EQ(saved.exit_code, 0) << saved.err;
  EXPECT_TRUE(StrContains(saved.out, "AGENT 1")) << saved.out;
  // Leaders that the backup knows nothing of.
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(cluster_.master().Stop(kPatience).ok());
    ASSERT_TRUE(cluster_.RestartMaster().ok());
  }
  cluster_.master().Kill();
  cluster_.registry().Kill();
  WipeRegistry();
  const auto verified = cluster_.Cli({"registry", "verify", backup_});
  EXPECT_EQ(verified.exit_code, 0) << verified.err;
  const auto restored = cluster_.Cli({"registry", "restore", backup_, "--to", store_});
  ASSERT_EQ(restored.exit_code, 0) << restored.err;
  ASSERT_TRUE(cluster_.RestartRegistry().ok());
  ASSERT_TRUE(cluster_.RestartMaster().ok());

  const bool back = testing::Eventually(kPatience, [&] {
    const auto agents = cluster_.Cli({"agents", "--json"}, kPatience);
    return StrContains(agents.out, offer->agent_id().value()) &&
           StrContains(agents.out, "\"CONNECTED\"");
  });
  EXPECT_TRUE(back) << cluster_.Cli({"agents", "--json"}).out;
  const auto quota = cluster_.Cli({"quota", "get", "web", "--json"});
  EXPECT_TRUE(StrContains(quota.out, "\"limits\":{\"cpus\":{\"value\":2}}")) << quota.out;
  const bool subscribed = testing::Eventually(kPatience, [&] {
    return StrContains(cluster_.Cli({"frameworks"}).out, "survivor") &&
           StrContains(cluster_.Cli({"ps"}).out, "long");
  });
  EXPECT_TRUE(subscribed) << cluster_.Cli({"ps"}).out;
  // One start of the task: it never stopped running.
  EXPECT_FALSE(scheduler.WaitState("long", meros::v1::TASK_LOST, absl::Seconds(1)).has_value());
  meros::v1::TaskID id;
  id.set_value("long");
  const bool killed = testing::Eventually(kPatience, [&] {
    driver.KillTask(id);
    return scheduler.WaitState("long", meros::v1::TASK_KILLED, absl::Seconds(2)).has_value();
  });
  EXPECT_TRUE(killed);
  driver.Stop();
  EXPECT_TRUE(driver.Join().ok());
}

TEST_F(BackupTest, WhatCannotBeDoneIsSaid) {
  const auto in_use = cluster_.Cli({"registry", "verify", store_});
  EXPECT_EQ(in_use.exit_code, 1);
  EXPECT_TRUE(StrContains(in_use.err, "in use")) << in_use.err;
  const auto nobody =
      cluster_.Cli({"registry", "backup", "--registry", "127.0.0.1:1", backup_, "--timeout", "2"});
  EXPECT_EQ(nobody.exit_code, 1);
  EXPECT_TRUE(StrContains(nobody.err, "registry 127.0.0.1:1")) << nobody.err;
  EXPECT_FALSE(std::filesystem::exists(backup_));
  const auto over =
      cluster_.Cli({"registry", "backup", "--registry", cluster_.registry_address(), store_});
  EXPECT_EQ(over.exit_code, 1);
  EXPECT_TRUE(StrContains(over.err, "is there already")) << over.err;
}

}  // namespace
}  // namespace meros::integration
