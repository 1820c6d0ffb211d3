// Goal: operators plan maintenance, frameworks are asked and answer, machines go down and come
// back; what was ordered holds through the death of the master. Method: whole clusters of the real
// services on loopback, ordered about by `meros maintenance`, watched by a scheduler.
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

constexpr absl::Duration kPatience = absl::Seconds(60);
constexpr char kMachine[] = "node-1";

class MaintenanceTest : public ::testing::Test {
 protected:
  MaintenanceTest()
      : cluster_({.directory = directory_.path(),
                  .agent_flags = {absl::StrCat("--hostname=", kMachine)}}) {}

  void SetUp() override {
    const absl::Status status = cluster_.Start();
    ASSERT_TRUE(status.ok()) << status;
    driver_ = std::make_unique<sdk::SchedulerDriver>(
        &scheduler_, sdk::DriverOptions{.masters = {cluster_.master_address()},
                                        .framework = Framework("maintenance"),
                                        .tls = {.insecure = true}});
    ASSERT_TRUE(driver_->Start().ok());
  }

  void TearDown() override {
    driver_->Stop();
    driver_.reset();
  }

  bool Run(const std::string& id) {
    const auto offer = scheduler_.WaitOffer();
    if (!offer.has_value()) return false;
    driver_->LaunchTasks({offer->id()}, {ShellTask(id, *offer, 0.5, 64, "sleep 600")}, AtOnce());
    return scheduler_.WaitState(id, meros::v1::TASK_RUNNING).has_value();
  }

  static meros::v1::Filters AtOnce() {
    meros::v1::Filters filters;
    filters.set_refuse_seconds(0);
    return filters;
  }

  // `meros maintenance ...`, with the patience that a fail-over takes.
  testing::LocalCluster::CliResult Maintenance(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "maintenance");
    arguments.insert(arguments.end(), {"--timeout", "60"});
    return cluster_.Cli(arguments, absl::Seconds(180));
  }

  // Waits until `meros maintenance VERB` says so.
  bool Shows(const std::string& verb, const std::string& text) {
    return testing::Eventually(kPatience,
                               [&] { return StrContains(Maintenance({verb}).out, text); });
  }

  // Waits for an offer of the machine that says, or does not say, that it goes away.
  bool IsOffered(bool goes_away) {
    return testing::Eventually(kPatience, [&] {
      const auto offer = scheduler_.WaitOffer(absl::Seconds(1));
      return offer.has_value() && offer->has_unavailability() == goes_away;
    });
  }

  testing::TempDir directory_;
  testing::LocalCluster cluster_;
  RecordingScheduler scheduler_;
  std::unique_ptr<sdk::SchedulerDriver> driver_;
};

TEST_F(MaintenanceTest, FrameworksAreAskedAndTheirAnswersShown) {
  ASSERT_TRUE(Run("t"));
  ASSERT_TRUE(IsOffered(/*goes_away=*/false));

  const auto planned = Maintenance({"set", kMachine, "--start", "+1h", "--duration", "30m"});
  ASSERT_EQ(planned.exit_code, 0) << planned.err;

  EXPECT_TRUE(IsOffered(/*goes_away=*/true));
  auto asked = scheduler_.WaitInverseOffer();
  ASSERT_TRUE(asked.has_value());
  EXPECT_EQ(asked->framework_id().value(), scheduler_.framework_id());
  EXPECT_EQ(absl::Nanoseconds(asked->unavailability().duration().nanoseconds()), absl::Minutes(30));
  EXPECT_TRUE(Shows("status", "was asked"));
  driver_->DeclineInverseOffers({asked->id()}, AtOnce());
  EXPECT_TRUE(Shows("status", "declines"));
  asked = scheduler_.WaitInverseOffer();
  ASSERT_TRUE(asked.has_value());
  driver_->AcceptInverseOffers({asked->id()}, AtOnce());
  EXPECT_TRUE(Shows("status", "accepts"));
  EXPECT_TRUE(scheduler_.WaitInverseOffer().has_value()) << "asked again, which stays open";

  const auto cleared = Maintenance({"clear", kMachine});

  ASSERT_EQ(cleared.exit_code, 0) << cleared.err;
  EXPECT_TRUE(testing::Eventually(kPatience, [&] { return scheduler_.inverse_rescinds() > 0; }));
  EXPECT_TRUE(IsOffered(/*goes_away=*/false));
  EXPECT_FALSE(StrContains(Maintenance({"status"}).out, kMachine));
}

TEST_F(MaintenanceTest, AMachineGoesDownThroughTheDeathOfTheMasterAndComesBack) {
  ASSERT_TRUE(Run("t"));
  const auto early = Maintenance({"start", kMachine});
  EXPECT_NE(early.exit_code, 0);
  EXPECT_TRUE(StrContains(early.err, "not in the maintenance schedule")) << early.err;
  ASSERT_EQ(Maintenance({"set", kMachine, "--start", "now"}).exit_code, 0);
  cluster_.master().Kill();
  ASSERT_TRUE(cluster_.RestartMaster().ok());
  EXPECT_TRUE(Shows("schedule", kMachine));
  EXPECT_TRUE(scheduler_.WaitInverseOffer().has_value()) << "by the new leader, too";

  const auto started = Maintenance({"start", kMachine});

  ASSERT_EQ(started.exit_code, 0) << started.err;
  const auto gone = scheduler_.WaitState("t", meros::v1::TASK_GONE_BY_OPERATOR);
  ASSERT_TRUE(gone.has_value());
  EXPECT_EQ(gone->reason(), TaskStatus::REASON_AGENT_REMOVED_BY_OPERATOR);
  EXPECT_TRUE(testing::Eventually(kPatience, [&] { return !cluster_.agent().running(); }));
  EXPECT_TRUE(Shows("status", "DOWN"));
  EXPECT_NE(Maintenance({"clear", "--all"}).exit_code, 0) << "down machines stay in the schedule";

  // The next leader refuses its agents as well.
  cluster_.master().Kill();
  ASSERT_TRUE(cluster_.RestartMaster().ok());
  EXPECT_TRUE(Shows("status", "DOWN"));
  (void)cluster_.RestartAgent();
  EXPECT_TRUE(testing::Eventually(kPatience, [&] { return !cluster_.agent().running(); }));

  const auto stopped = Maintenance({"stop", kMachine});
  ASSERT_EQ(stopped.exit_code, 0) << stopped.err;
  ASSERT_TRUE(cluster_.RestartAgent().ok());
  EXPECT_TRUE(IsOffered(/*goes_away=*/false));
  EXPECT_FALSE(StrContains(Maintenance({"schedule"}).out, kMachine));
}

}  // namespace
}  // namespace meros::integration
