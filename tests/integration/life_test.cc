// Goal: what a framework and a user of the command line see of an ordinary life: offers, tasks,
// output, exit status, limits. Method: a whole cluster of the real services on loopback, real
// containers when root (posix launcher otherwise, where the tests of limits are skipped).
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "libs/testing/local_cluster.h"
#include "libs/testing/temp_dir.h"
#include "tests/integration/recording_scheduler.h"

namespace meros::integration {
namespace {

using meros::v1::TaskStatus;

class LifeTest : public ::testing::Test {
 protected:
  LifeTest() : cluster_({.directory = directory_.path()}) {}

  void SetUp() override {
    const absl::Status status = cluster_.Start();
    ASSERT_TRUE(status.ok()) << status;
  }

  std::unique_ptr<sdk::SchedulerDriver> Connect(RecordingScheduler* scheduler,
                                                const std::string& name) {
    auto driver = std::make_unique<sdk::SchedulerDriver>(
        scheduler, sdk::DriverOptions{.masters = {cluster_.master_address()},
                                      .framework = Framework(name),
                                      .tls = {.insecure = true}});
    EXPECT_TRUE(driver->Start().ok());
    return driver;
  }

  // Directories below the cluster's cgroup root, in every hierarchy; empty when nothing is left.
  std::vector<std::string> CgroupsLeft() {
    std::vector<std::string> left;
    std::error_code error;
    for (const auto& hierarchy : std::filesystem::directory_iterator("/sys/fs/cgroup", error)) {
      const auto top = hierarchy.path() / cluster_.cgroups_root(0);
      for (const auto& entry : std::filesystem::recursive_directory_iterator(top, error)) {
        if (entry.is_directory(error)) left.push_back(entry.path().string());
      }
    }
    return left;
  }

  testing::TempDir directory_;
  testing::LocalCluster cluster_;
};

TEST_F(LifeTest, TheClassicExampleOfTwoFrameworksSharingAnAgent) {
  RecordingScheduler first, second;
  auto driver1 = Connect(&first, "first");
  const auto offer = first.WaitOffer();
  ASSERT_TRUE(offer.has_value());
  EXPECT_EQ(Amount(offer->resources(), "cpus"), 4);
  EXPECT_EQ(Amount(offer->resources(), "mem"), 4096);

  auto driver2 = Connect(&second, "second");
  meros::v1::Filters patient;
  patient.set_refuse_seconds(600);
  driver1->LaunchTasks({offer->id()},
                       {ShellTask("t1", *offer, 2, 1024, "sleep 600"),
                        ShellTask("t2", *offer, 1, 2048, "sleep 600")},
                       patient);
  ASSERT_TRUE(first.WaitState("t1", meros::v1::TASK_RUNNING).has_value());
  ASSERT_TRUE(first.WaitState("t2", meros::v1::TASK_RUNNING).has_value());

  const auto rest = second.WaitOffer();
  ASSERT_TRUE(rest.has_value());
  EXPECT_EQ(Amount(rest->resources(), "cpus"), 1);
  EXPECT_EQ(Amount(rest->resources(), "mem"), 1024);
  driver1->Stop();
  EXPECT_TRUE(driver1->Join().ok());
  driver2->Stop();
  EXPECT_TRUE(driver2->Join().ok());
}

TEST_F(LifeTest, RunFollowsTheOutputAndTakesTheTasksExitCode) {
  const auto result =
      cluster_.Cli({"run", "--follow", "--cpus", "0.5", "--mem", "64", "--command",
                    "for i in 1 2 3; do echo tick $i; sleep 0.3; done; echo oops >&2; exit 7"});

  EXPECT_EQ(result.exit_code, 7) << result.err;
  EXPECT_EQ(result.out, "tick 1\ntick 2\ntick 3\n");
  EXPECT_TRUE(absl::StrContains(result.err, "oops")) << result.err;
}

TEST_F(LifeTest, OutputComesWhileTheTaskRuns) {
  auto run = cluster_.CliStart("run", {"run", "--follow", "--command", "echo early; sleep 600"});

  EXPECT_TRUE(testing::Eventually(absl::Seconds(60), [&] { return run->Output() == "early\n"; }))
      << run->Log();
  run->Signal(SIGINT);  // kills the task, not just this program
  const auto status = run->Wait(absl::Seconds(60));
  ASSERT_TRUE(status.ok()) << status.status();
  ASSERT_TRUE(WIFEXITED(*status)) << "ended by the signal itself";
  EXPECT_EQ(WEXITSTATUS(*status), 128 + SIGTERM);
}

TEST_F(LifeTest, RealProgramsRun) {
  const auto python =
      cluster_.Cli({"run", "-f", "--", "/usr/bin/python3", "-c", "print(sum(range(10)))"});
  EXPECT_EQ(python.out, "45\n") << python.err;
  EXPECT_EQ(python.exit_code, 0);

  const auto compiled = cluster_.Cli(
      {"run", "-f", "--mem", "256", "--command",
       "printf '#include <stdio.h>\\nint main(void){puts(\"compiled\");return 3;}' > a.c && "
       "cc a.c -o a && ./a"});
  EXPECT_EQ(compiled.out, "compiled\n") << compiled.err;
  EXPECT_EQ(compiled.exit_code, 3);

  const auto env = cluster_.Cli({"run", "-f", "--env", "GREETING=hello world", "--command",
                                 "echo \"$GREETING\"; test -d \"$MESOS_SANDBOX\" && pwd"});
  EXPECT_TRUE(absl::StartsWith(env.out, "hello world\n/")) << env.out << env.err;
}

TEST_F(LifeTest, AHundredMegabytesOfOutputArriveWhole) {
  const auto result = cluster_.Cli({"run", "--mem", "256", "--name", "big", "--command",
                                    "head -c 100000000 /dev/zero | tr '\\0' x"},
                                   absl::Minutes(2));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto ps = cluster_.Cli({"ps", "--all", "--name", "big"});
  const std::vector<std::string> lines = absl::StrSplit(ps.out, '\n');
  ASSERT_GE(lines.size(), 2u) << ps.out << ps.err;
  const std::string id = lines[1].substr(0, lines[1].find(' '));

  const auto logs = cluster_.Cli({"logs", id}, absl::Minutes(2));

  EXPECT_EQ(logs.exit_code, 0) << logs.err;
  EXPECT_EQ(logs.out.size(), 100000000u);
}

TEST_F(LifeTest, AMemoryHogFailsWithItsReasonAndLeavesNothing) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root: memory limits are cgroups";
  RecordingScheduler scheduler;
  auto driver = Connect(&scheduler, "hog");
  const auto offer = scheduler.WaitOffer();
  ASSERT_TRUE(offer.has_value());

  driver->LaunchTasks({offer->id()}, {ShellTask("hog", *offer, 1, 64,
                                                "python3 -c \"x = 'x' * (128 << 20); "
                                                "import time; time.sleep(60)\"")});

  const auto end = scheduler.WaitState("hog", meros::v1::TASK_FAILED);
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->reason(), TaskStatus::REASON_CONTAINER_LIMITATION_MEMORY) << end->message();
  EXPECT_TRUE(absl::StrContains(end->message(), "64")) << end->message();  // names the limit
  EXPECT_TRUE(testing::Eventually(absl::Seconds(60), [&] { return CgroupsLeft().empty(); }))
      << CgroupsLeft().front();
  driver->Stop();  // it would hold the agent's offers
  EXPECT_TRUE(driver->Join().ok());
  const auto after = cluster_.Cli({"run", "-f", "--command", "true"});
  EXPECT_EQ(after.exit_code, 0) << "the agent is usable afterwards: " << after.err;
}

TEST_F(LifeTest, AForkBombIsBoundedAndKilledWhole) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root: the pids limit is a cgroup";
  RecordingScheduler scheduler;
  auto driver = Connect(&scheduler, "bomb");
  const auto offer = scheduler.WaitOffer();
  ASSERT_TRUE(offer.has_value());
  driver->LaunchTasks({offer->id()},
                      {ShellTask("bomb", *offer, 1, 512,
                                 "bomb() { bomb | bomb & }; bomb; while :; do sleep 1; done")});
  ASSERT_TRUE(scheduler.WaitState("bomb", meros::v1::TASK_RUNNING).has_value());
  usleep(500000);  // let it grow into its limit

  meros::v1::TaskID id;
  id.set_value("bomb");
  driver->KillTask(id);

  EXPECT_TRUE(testing::Eventually(absl::Seconds(60), [&] {
    const auto updates = scheduler.updates("bomb");
    return !updates.empty() && (updates.back().state() == meros::v1::TASK_KILLED ||
                                updates.back().state() == meros::v1::TASK_FAILED);
  }));
  EXPECT_TRUE(testing::Eventually(absl::Seconds(60), [&] { return CgroupsLeft().empty(); }));
}

TEST_F(LifeTest, KillHonoursGraceAndReportsTheSignal) {
  RecordingScheduler scheduler;
  auto driver = Connect(&scheduler, "kill");
  const auto offer = scheduler.WaitOffer();
  ASSERT_TRUE(offer.has_value());
  const std::string polite_is_up = directory_ / "polite", stubborn_is_up = directory_ / "stubborn";
  auto polite = ShellTask(
      "polite", *offer, 1, 64,
      absl::StrCat("trap 'exit 9' TERM; touch ", polite_is_up, "; while :; do sleep 0.05; done"));
  auto stubborn = ShellTask(
      "stubborn", *offer, 1, 64,
      absl::StrCat("trap '' TERM; touch ", stubborn_is_up, "; while :; do sleep 0.05; done"));
  stubborn.mutable_kill_policy()->mutable_grace_period()->set_nanoseconds(300000000);
  driver->LaunchTasks({offer->id()}, {polite, stubborn});
  ASSERT_TRUE(scheduler.WaitState("polite", meros::v1::TASK_RUNNING).has_value());
  ASSERT_TRUE(scheduler.WaitState("stubborn", meros::v1::TASK_RUNNING).has_value());
  // RUNNING is told when the shells begin; they have yet to set their traps.
  ASSERT_TRUE(testing::Eventually(absl::Seconds(60), [&] {
    return std::filesystem::exists(polite_is_up) && std::filesystem::exists(stubborn_is_up);
  }));

  driver->KillTask(polite.task_id());
  driver->KillTask(stubborn.task_id());

  const auto ended = scheduler.WaitState("polite", meros::v1::TASK_KILLED);
  ASSERT_TRUE(ended.has_value());
  EXPECT_EQ(ended->exit_code(), 9);
  const auto forced = scheduler.WaitState("stubborn", meros::v1::TASK_KILLED);
  ASSERT_TRUE(forced.has_value());
  EXPECT_EQ(forced->term_signal(), SIGKILL);
}

TEST_F(LifeTest, TheCommandLineShowsTheCluster) {
  const auto detached =
      cluster_.Cli({"run", "--detach", "--name", "web", "--command", "sleep 600"});
  ASSERT_EQ(detached.exit_code, 0) << detached.err;
  const std::string id = std::string(absl::StripSuffix(detached.out, "\n"));

  EXPECT_TRUE(absl::StrContains(cluster_.Cli({"ps"}).out, id));
  EXPECT_TRUE(absl::StrContains(cluster_.Cli({"ps", "--json"}).out, "\"TASK_RUNNING\""));
  EXPECT_TRUE(absl::StrContains(cluster_.Cli({"task", id}).out, "RUNNING"));
  EXPECT_TRUE(absl::StrContains(cluster_.Cli({"agents"}).out, "CONNECTED"));
  EXPECT_TRUE(absl::StrContains(cluster_.Cli({"frameworks"}).out, "meros run web"));
  EXPECT_TRUE(absl::StrContains(cluster_.Cli({"top"}).out, "cpus"));
  EXPECT_TRUE(absl::StrContains(cluster_.Cli({"version"}).out, "0.1.0"));
  EXPECT_EQ(cluster_.Cli({"kill", id}).exit_code, 0);
  // Before the framework, which is gone, has acknowledged anything.
  EXPECT_TRUE(testing::Eventually(absl::Seconds(60), [&] {
    return absl::StrContains(cluster_.Cli({"task", id}).out, "KILLED");
  }));
  EXPECT_NE(cluster_.Cli({"task", "no-such-task"}).exit_code, 0);
  EXPECT_NE(cluster_.Cli({"kill", "no-such-task"}).exit_code, 0);
}

}  // namespace
}  // namespace meros::integration
