// Goal: while the registry's disk is full the cluster goes on with what it has, takes on nothing
// that it could not remember, and recovers by itself. Method: the registry's file on a tmpfs of 1
// MiB in a mount namespace of the test's own, which needs root.
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "libs/testing/http_get.h"
#include "libs/testing/local_cluster.h"
#include "libs/testing/temp_dir.h"
#include "tests/integration/recording_scheduler.h"

namespace meros::integration {
namespace {

class FullDiskTest : public ::testing::Test {
 protected:
  FullDiskTest()
      : cluster_({.directory = directory_.path(),
                  .registry_flags = {"--store=sqlite:" + (directory_ / "disk/registry.db")}}) {}

  void SetUp() override {
    if (geteuid() != 0) {
      GTEST_SKIP() << "NOT ROOT: a full disk is made with a tmpfs mount, which needs root";
    }
    ASSERT_EQ(unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    ASSERT_EQ(mkdir((directory_ / "disk").c_str(), 0700), 0);
    ASSERT_EQ(mount("tmpfs", (directory_ / "disk").c_str(), "tmpfs", 0, "size=1m"), 0);
    const absl::Status status = cluster_.Start();
    ASSERT_TRUE(status.ok()) << status;
  }
  void TearDown() override { umount2((directory_ / "disk").c_str(), MNT_DETACH); }

  std::string ballast() const { return directory_ / "disk/ballast"; }
  void FillDisk() {
    std::ofstream out(ballast());
    const std::string block(4096, 'b');
    while (out.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) continue;
  }

  // Whether the registry's /readyz answers 200.
  bool RegistryReady() {
    return absl::StrContains(testing::HttpGet(cluster_.registry().metrics_port(), "/readyz"),
                             " 200 ");
  }

  // A second node, which the cluster does not know yet.
  void StartNewcomer() {
    const std::string socket = directory_ / "newcomer.sock";
    const auto start = [&](const std::string& binary, std::vector<std::string> arguments) {
      arguments.push_back("--metrics_port=0");
      auto process = testing::Process::Start({.name = "newcomer-" + binary,
                                              .program = testing::BinaryPath(binary),
                                              .arguments = std::move(arguments),
                                              .log_dir = directory_.path()});
      EXPECT_TRUE(process.ok() && (*process)->WaitReady(absl::Seconds(60)).ok()) << binary;
      if (process.ok()) newcomer_.push_back(*std::move(process));
    };
    start("meros-containerizer", {"--socket=" + socket, "--launcher=posix",
                                  "--runtime_dir=" + (directory_ / "newcomer-runtime")});
    start("meros-agent", {"--insecure", "--address=127.0.0.1:0", "--containerizer=unix:" + socket,
                          "--master=" + cluster_.master_list(), "--hostname=newcomer",
                          "--work_dir=" + (directory_ / "newcomer")});
  }
  bool NewcomerAdmitted() { return absl::StrContains(cluster_.Cli({"agents"}).out, "newcomer"); }

  testing::TempDir directory_;
  testing::LocalCluster cluster_;
  std::vector<std::unique_ptr<testing::Process>> newcomer_;
};

TEST_F(FullDiskTest, WorkGoesOnNothingIsLostAndNewcomersWait) {
  RecordingScheduler scheduler;
  sdk::SchedulerDriver driver(&scheduler, {.masters = {cluster_.master_address()},
                                           .framework = Framework("resident"),
                                           .tls = {.insecure = true}});
  ASSERT_TRUE(driver.Start().ok());
  auto offer = scheduler.WaitOffer();
  ASSERT_TRUE(offer.has_value());
  const std::string go = directory_ / "go";
  meros::v1::Filters now;
  now.set_refuse_seconds(0);
  driver.LaunchTasks(
      {offer->id()},
      {ShellTask("before", *offer, 0.5, 64, "while [ ! -e " + go + " ]; do sleep 0.1; done")}, now);
  ASSERT_TRUE(scheduler.WaitState("before", meros::v1::TASK_RUNNING).has_value());

  FillDisk();
  StartNewcomer();
  ASSERT_TRUE(testing::Eventually(absl::Seconds(60), [&] { return !RegistryReady(); }));
  offer = scheduler.WaitOffer();
  ASSERT_TRUE(offer.has_value()) << "offers need no record";
  driver.LaunchTasks({offer->id()}, {ShellTask("during", *offer, 0.5, 64, "true")}, now);
  EXPECT_TRUE(scheduler.WaitState("during", meros::v1::TASK_FINISHED).has_value());
  EXPECT_FALSE(NewcomerAdmitted());
  EXPECT_TRUE(cluster_.registry().running());
  EXPECT_TRUE(cluster_.master().running());

  ASSERT_EQ(unlink(ballast().c_str()), 0);
  EXPECT_TRUE(testing::Eventually(absl::Seconds(60), [&] { return NewcomerAdmitted(); }));
  EXPECT_TRUE(RegistryReady());
  std::ofstream(go).put('x');
  EXPECT_TRUE(scheduler.WaitState("before", meros::v1::TASK_FINISHED).has_value());
  driver.Stop();
}

}  // namespace
}  // namespace meros::integration
