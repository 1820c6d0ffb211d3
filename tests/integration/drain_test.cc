// Goal: operators take agents out of service and back into it: deactivated, drained, gone; what
// they ordered holds through the death of master and agent. Method: whole clusters of the real
// services on loopback, ordered about by `meros agent`, watched by a scheduler.
#include <algorithm>
#include <fstream>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "libs/testing/local_cluster.h"
#include "libs/testing/temp_dir.h"
#include "tests/integration/recording_scheduler.h"

namespace meros::integration {
namespace {

using absl::StrContains;
using meros::v1::TaskStatus;

class DrainTest : public ::testing::Test {
 protected:
  DrainTest() : cluster_({.directory = directory_.path()}) {}

  void SetUp() override {
    const absl::Status status = cluster_.Start();
    ASSERT_TRUE(status.ok()) << status;
    driver_ = std::make_unique<sdk::SchedulerDriver>(
        &scheduler_, sdk::DriverOptions{.masters = {cluster_.master_address()},
                                        .framework = Framework("drain"),
                                        .tls = {.insecure = true}});
    ASSERT_TRUE(driver_->Start().ok());
  }

  void TearDown() override {
    driver_->Stop();
    driver_.reset();
  }

  // Launches a task on the only agent, whose id is known from then on, and waits until it runs.
  bool Run(const std::string& id, const std::string& command,
           absl::Duration grace = absl::Seconds(3)) {
    const auto offer = scheduler_.WaitOffer();
    if (!offer.has_value()) return false;
    agent_ = offer->agent_id().value();
    meros::v1::Filters at_once;
    at_once.set_refuse_seconds(0);
    meros::v1::TaskInfo task = ShellTask(id, *offer, 0.5, 64, command);
    task.mutable_kill_policy()->mutable_grace_period()->set_nanoseconds(
        absl::ToInt64Nanoseconds(grace));
    driver_->LaunchTasks({offer->id()}, {task}, at_once);
    return scheduler_.WaitState(id, meros::v1::TASK_RUNNING).has_value();
  }

  // `meros agent VERB ID`, with the patience that a fail-over takes.
  testing::LocalCluster::CliResult Agent(const std::string& verb,
                                         std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"agent", verb, agent_, "--timeout", "60"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return cluster_.Cli(arguments, absl::Seconds(180));
  }

  // Waits until `meros agent show` says so.
  bool Shows(const std::string& text) {
    return testing::Eventually(absl::Seconds(60),
                               [&] { return StrContains(Agent("show").out, text); });
  }

  testing::TempDir directory_;
  testing::LocalCluster cluster_;
  RecordingScheduler scheduler_;
  std::unique_ptr<sdk::SchedulerDriver> driver_;
  std::string agent_;
};

TEST_F(DrainTest, ADrainEmptiesTheAgentAndOutlivesTheMasterUntilItIsReactivated) {
  ASSERT_TRUE(Run("t", "sleep 600"));

  const auto drained = Agent("drain", {"--max_grace", "1", "--wait", "--wait_limit", "120"});

  ASSERT_EQ(drained.exit_code, 0) << drained.err;
  const auto killed = scheduler_.WaitState("t", meros::v1::TASK_KILLED);
  ASSERT_TRUE(killed.has_value());
  EXPECT_EQ(killed->reason(), TaskStatus::REASON_AGENT_DRAINING);
  EXPECT_TRUE(testing::Eventually(absl::Seconds(60), [&] { return !scheduler_.has_offers(); }));

  cluster_.master().Kill();
  ASSERT_TRUE(cluster_.RestartMaster().ok());
  EXPECT_TRUE(Shows("CONNECTED, DRAINED")) << Agent("show").out;
  EXPECT_FALSE(scheduler_.has_offers());
  EXPECT_EQ(Agent("reactivate").exit_code, 0);
  EXPECT_TRUE(Run("again", "sleep 600"));
  EXPECT_NE(Agent("reactivate").exit_code, 0);
}

TEST_F(DrainTest, ADrainGoesOnThroughTheDeathOfMasterAndAgent) {
  // Ends, when it is asked to, only once it may.
  const std::string may_end = directory_ / "may_end";
  ASSERT_TRUE(Run("t",
                  absl::StrCat("trap 'while [ ! -e ", may_end,
                               " ]; do sleep 0.1; done; exit 0' TERM; "
                               "while :; do sleep 0.1; done"),
                  /*grace=*/absl::Minutes(20)));
  ASSERT_EQ(Agent("drain", {"--max_grace", "600"}).exit_code, 0);
  ASSERT_TRUE(Shows("CONNECTED, DRAINING"));
  cluster_.agent().Kill();
  cluster_.master().Kill();
  ASSERT_TRUE(cluster_.RestartMaster().ok());
  ASSERT_TRUE(cluster_.RestartAgent().ok());
  std::ofstream(may_end) << "\n";

  // Reconciliation may tell of the end first, without the reason.
  EXPECT_TRUE(testing::Eventually(absl::Seconds(60), [&] {
    const std::vector<TaskStatus> updates = scheduler_.updates("t");
    return std::any_of(updates.begin(), updates.end(), [](const TaskStatus& status) {
      return status.state() == meros::v1::TASK_KILLED &&
             status.reason() == TaskStatus::REASON_AGENT_DRAINING;
    });
  }));
  EXPECT_TRUE(Shows("CONNECTED, DRAINED")) << Agent("show").out;
}

TEST_F(DrainTest, ADrainThatMayBeDelayedWaitsForItsFrameworkThroughAFailOver) {
  meros::v1::Filters at_once;
  at_once.set_refuse_seconds(0);
  ASSERT_TRUE(Run("t", "sleep 600"));
  ASSERT_EQ(Agent("drain", {"--max_delay", "3600", "--max_grace", "1"}).exit_code, 0);
  const auto asked = scheduler_.WaitInverseOffer();
  ASSERT_TRUE(asked.has_value());
  EXPECT_TRUE(asked->has_unavailability());
  driver_->DeclineInverseOffers({asked->id()}, at_once);
  EXPECT_TRUE(Shows("declines")) << Agent("show").out;
  EXPECT_TRUE(StrContains(Agent("show").out, "put off until"));

  cluster_.master().Kill();
  ASSERT_TRUE(cluster_.RestartMaster().ok());
  EXPECT_TRUE(testing::Eventually(absl::Seconds(120), [&] {
    const auto again = scheduler_.WaitInverseOffer();
    if (again.has_value()) driver_->AcceptInverseOffers({again->id()}, at_once);
    return StrContains(Agent("show").out, "DRAINED");
  })) << Agent("show").out;

  const auto killed = scheduler_.WaitState("t", meros::v1::TASK_KILLED);
  ASSERT_TRUE(killed.has_value());
  EXPECT_EQ(killed->reason(), TaskStatus::REASON_AGENT_DRAINING);
}

TEST_F(DrainTest, ADrainThatMayBeDelayedBeginsWhenTheTimeIsOver) {
  ASSERT_TRUE(Run("t", "sleep 600"));

  const auto drained = Agent(
      "drain", {"--max_delay", "2", "--max_grace", "1", "--wait", "--wait_limit", "120"});

  EXPECT_EQ(drained.exit_code, 0) << drained.err;
  EXPECT_TRUE(testing::Eventually(absl::Seconds(60), [&] {
    return scheduler_.inverse_rescinds() > 0;
  })) << "it was asked, did not answer, and is asked no more";
}

TEST_F(DrainTest, TasksOfADeactivatedAgentGoOn) {
  ASSERT_TRUE(Run("t", "sleep 600"));

  ASSERT_EQ(Agent("deactivate").exit_code, 0);

  EXPECT_TRUE(StrContains(cluster_.Cli({"agents"}).out, "CONNECTED, DEACTIVATED"));
  EXPECT_TRUE(testing::Eventually(absl::Seconds(60), [&] { return !scheduler_.has_offers(); }));
  EXPECT_TRUE(StrContains(cluster_.Cli({"task", "t"}).out, "RUNNING"));
  EXPECT_EQ(Agent("reactivate").exit_code, 0);
  EXPECT_TRUE(scheduler_.WaitOffer().has_value());
}

TEST_F(DrainTest, AGoneAgentLeavesAndIsGoneForTheNextMasterToo) {
  ASSERT_TRUE(Run("t", "sleep 600"));

  ASSERT_EQ(Agent("gone").exit_code, 0);

  const auto gone = scheduler_.WaitState("t", meros::v1::TASK_GONE_BY_OPERATOR);
  ASSERT_TRUE(gone.has_value());
  EXPECT_EQ(gone->reason(), TaskStatus::REASON_AGENT_REMOVED_BY_OPERATOR);
  EXPECT_TRUE(testing::Eventually(absl::Seconds(60), [&] { return !cluster_.agent().running(); }));
  EXPECT_NE(Agent("reactivate").exit_code, 0);
  cluster_.master().Kill();
  ASSERT_TRUE(cluster_.RestartMaster().ok());
  EXPECT_TRUE(Shows("GONE")) << Agent("show").out;
}

TEST_F(DrainTest, ADrainToTheEndTellsFrameworksThatTheTasksAreGone) {
  ASSERT_TRUE(Run("t", "sleep 600"));

  const auto drained =
      Agent("drain", {"--max_grace", "1", "--mark_gone", "--wait", "--wait_limit", "120"});

  ASSERT_EQ(drained.exit_code, 0) << drained.err;
  const auto gone = scheduler_.WaitState("t", meros::v1::TASK_GONE_BY_OPERATOR);
  ASSERT_TRUE(gone.has_value());
  EXPECT_EQ(gone->reason(), TaskStatus::REASON_AGENT_DRAINING);
  EXPECT_TRUE(Shows("GONE"));
}

}  // namespace
}  // namespace meros::integration
