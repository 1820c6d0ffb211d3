// Goal: every service may be killed at any moment; tasks keep running and nothing is lost or told
// twice. Method: a whole cluster of the real services; SIGKILL one after another while a task runs,
// restart, and compare what the framework heard.
#include <signal.h>
#include <unistd.h>

#include <fstream>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "libs/testing/local_cluster.h"
#include "libs/testing/temp_dir.h"
#include "tests/integration/recording_scheduler.h"

namespace meros::integration {
namespace {

class CrashTest : public ::testing::Test {
 protected:
  CrashTest() : cluster_({.directory = directory_.path()}) {}

  void SetUp() override {
    const absl::Status status = cluster_.Start();
    ASSERT_TRUE(status.ok()) << status;
    driver_ = std::make_unique<sdk::SchedulerDriver>(
        &scheduler_, sdk::DriverOptions{.masters = {cluster_.master_address()},
                                        .framework = Framework("crash"),
                                        .tls = {.insecure = true}});
    ASSERT_TRUE(driver_->Start().ok());
  }

  void TearDown() override {
    driver_->Stop();
    driver_.reset();
  }

  std::string ReadSandbox(const std::string& task, const std::string& file) {
    // Asks for the newest run the way users do.
    return cluster_.Cli({"logs", task, "--file", file}).out;
  }

  testing::TempDir directory_;
  testing::LocalCluster cluster_;
  RecordingScheduler scheduler_;
  std::unique_ptr<sdk::SchedulerDriver> driver_;
};

TEST_F(CrashTest, ATaskOutlivesTheDeathOfEveryService) {
  const auto offer = scheduler_.WaitOffer();
  ASSERT_TRUE(offer.has_value());
  // Ends when it is told to, so that the test's length does not depend on the machine. It notes its
  // own pid once: a second start would show.
  const std::string go = directory_ / "go";
  driver_->LaunchTasks({offer->id()},
                       {ShellTask("t", *offer, 0.5, 64,
                                  absl::StrCat("echo started; while [ ! -e ", go,
                                               " ]; do sleep 0.1; done; echo done"))});
  const auto running = scheduler_.WaitState("t", meros::v1::TASK_RUNNING);
  ASSERT_TRUE(running.has_value());
  const auto pid = running->container_status().executor_pid();
  ASSERT_GT(pid, 0u);

  const auto restart = [&](const std::string& name, testing::Process& process, auto start) {
    process.Kill();
    usleep(300000);  // the others notice
    EXPECT_EQ(kill(static_cast<pid_t>(pid), 0), 0) << "the task died with the " << name;
    const absl::Status status = start();
    ASSERT_TRUE(status.ok()) << name << ": " << status;
  };
  restart("agent", cluster_.agent(), [&] { return cluster_.RestartAgent(); });
  restart("containerizer", cluster_.containerizer(),
          [&] { return cluster_.RestartContainerizer(); });
  restart("master", cluster_.master(), [&] { return cluster_.RestartMaster(); });
  restart("allocator", cluster_.allocator(), [&] { return cluster_.RestartAllocator(); });
  restart("registry", cluster_.registry(), [&] { return cluster_.RestartRegistry(); });
  EXPECT_EQ(kill(static_cast<pid_t>(pid), 0), 0);
  std::ofstream(go).put('x');

  ASSERT_TRUE(scheduler_.WaitState("t", meros::v1::TASK_FINISHED, absl::Seconds(60)).has_value());
  std::multiset<std::string> uuids;
  int finished = 0;
  for (const auto& status : scheduler_.updates("t")) {
    if (!status.uuid().empty()) uuids.insert(status.uuid());
    finished += status.state() == meros::v1::TASK_FINISHED;
  }
  for (const auto& uuid : uuids) EXPECT_EQ(uuids.count(uuid), 1u) << "an update was told twice";
  EXPECT_EQ(finished, 1);
  EXPECT_EQ(ReadSandbox("t", "stdout"), "started\ndone\n");
}

TEST_F(CrashTest, AnEndDuringTheAbsenceOfAgentAndContainerizerIsReported) {
  const auto offer = scheduler_.WaitOffer();
  ASSERT_TRUE(offer.has_value());
  const std::string go = directory_ / "go";
  driver_->LaunchTasks(
      {offer->id()},
      {ShellTask("t", *offer, 0.5, 64,
                 absl::StrCat("while [ ! -e ", go, " ]; do sleep 0.05; done; exit 5"))});
  const auto running = scheduler_.WaitState("t", meros::v1::TASK_RUNNING);
  ASSERT_TRUE(running.has_value());
  const auto pid = static_cast<pid_t>(running->container_status().executor_pid());

  cluster_.agent().Kill();
  cluster_.containerizer().Kill();
  std::ofstream(go).put('x');
  ASSERT_TRUE(testing::Eventually(absl::Seconds(60), [&] { return kill(pid, 0) != 0; }));
  ASSERT_TRUE(cluster_.RestartContainerizer().ok());
  ASSERT_TRUE(cluster_.RestartAgent().ok());

  const auto end = scheduler_.WaitState("t", meros::v1::TASK_FAILED, absl::Seconds(60));
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->exit_code(), 5);
}

TEST_F(CrashTest, WhatEndedIsShownByTheNextLeader) {
  const auto offer = scheduler_.WaitOffer();
  ASSERT_TRUE(offer.has_value());
  driver_->LaunchTasks({offer->id()}, {ShellTask("t", *offer, 0.5, 64, "exit 3")});
  ASSERT_TRUE(scheduler_.WaitState("t", meros::v1::TASK_FAILED).has_value());
  const auto shows_it = [&] {
    return absl::StrContains(cluster_.Cli({"ps", "--all", "--json"}).out, "TASK_FAILED");
  };
  ASSERT_TRUE(testing::Eventually(absl::Seconds(60), shows_it));
  // Acknowledged, as far as the master knows: from here on the agent need not say it again.
  ASSERT_TRUE(testing::Eventually(absl::Seconds(60), [&] {
    return !absl::StrContains(cluster_.Cli({"ps", "--json"}).out, "TASK_FAILED");
  }));

  cluster_.master().Kill();
  cluster_.agent().Kill();  // it remembers across its own death, too
  ASSERT_TRUE(cluster_.RestartAgent().ok());
  ASSERT_TRUE(cluster_.RestartMaster().ok());

  EXPECT_TRUE(testing::Eventually(absl::Seconds(60), shows_it))
      << cluster_.Cli({"ps", "--all"}).out;
}

TEST_F(CrashTest, OffersResumeAfterTheAllocatorAndTheMasterRestart) {
  ASSERT_TRUE(scheduler_.WaitOffer().has_value());
  cluster_.allocator().Kill();
  ASSERT_TRUE(cluster_.RestartAllocator().ok());
  cluster_.master().Kill();
  ASSERT_TRUE(cluster_.RestartMaster().ok());
  ASSERT_TRUE(
      testing::Eventually(absl::Seconds(60), [&] { return scheduler_.subscriptions() >= 2; }));

  std::optional<meros::v1::TaskStatus> done;
  // Offers from before the restart are void; the launch is repeated until a valid one is used.
  for (int i = 0; i < 20 && !done.has_value(); ++i) {
    const auto offer = scheduler_.WaitOffer(absl::Seconds(60));
    ASSERT_TRUE(offer.has_value());
    const std::string id = absl::StrCat("t", i);
    driver_->LaunchTasks({offer->id()}, {ShellTask(id, *offer, 0.5, 64, "true")});
    done = scheduler_.WaitState(id, meros::v1::TASK_FINISHED, absl::Seconds(10));
  }
  EXPECT_TRUE(done.has_value());
}

TEST_F(CrashTest, AFrameworkTakesOverItsTasksWithItsId) {
  const auto offer = scheduler_.WaitOffer();
  ASSERT_TRUE(offer.has_value());
  driver_->LaunchTasks({offer->id()}, {ShellTask("t", *offer, 0.5, 64, "sleep 600")});
  ASSERT_TRUE(scheduler_.WaitState("t", meros::v1::TASK_RUNNING).has_value());

  RecordingScheduler successor;
  auto info = Framework("crash");
  info.mutable_id()->set_value(scheduler_.framework_id());
  sdk::SchedulerDriver driver(
      &successor,
      {.masters = {cluster_.master_address()}, .framework = info, .tls = {.insecure = true}});
  ASSERT_TRUE(driver.Start().ok());

  EXPECT_TRUE(testing::Eventually(absl::Seconds(60), [&] { return !scheduler_.ended().empty(); }))
      << "the first instance is told";
  driver.ReconcileTasks({});
  EXPECT_TRUE(successor.WaitState("t", meros::v1::TASK_RUNNING).has_value());
  meros::v1::TaskID id;
  id.set_value("t");
  driver.KillTask(id);
  EXPECT_TRUE(successor.WaitState("t", meros::v1::TASK_KILLED).has_value());
  driver.Stop();
}

}  // namespace
}  // namespace meros::integration
