// Goal: a cluster is shared though somebody does not want to share it: offers that a framework sits
// on go to another, a guarantee gets back what preemptible roles hold, and what cannot be had is
// explained. Method: whole clusters of the real services on loopback. How long things took is
// printed, not judged: the machine may be busy.
#include <iostream>

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

constexpr absl::Duration kPatience = absl::Seconds(90);

void Print(const std::string& what, absl::Time since) {
  std::cout << what << ": " << absl::FormatDuration(testing::PollNow() - since) << "\n";
}

class SharingTest : public ::testing::Test {
 protected:
  void Start(testing::LocalClusterOptions options) {
    options.directory = directory_.path();
    cluster_ = std::make_unique<testing::LocalCluster>(std::move(options));
    const absl::Status status = cluster_->Start();
    ASSERT_TRUE(status.ok()) << status;
  }

  std::unique_ptr<sdk::SchedulerDriver> Connect(RecordingScheduler* scheduler,
                                                const std::string& role) {
    meros::v1::FrameworkInfo info = Framework(role);
    info.set_roles(0, role);
    auto driver = std::make_unique<sdk::SchedulerDriver>(
        scheduler,
        sdk::DriverOptions{
            .masters = {cluster_->master_address()}, .framework = info, .tls = {.insecure = true}});
    EXPECT_TRUE(driver->Start().ok());
    return driver;
  }

  static void End(sdk::SchedulerDriver* driver) {
    driver->Stop();
    EXPECT_TRUE(driver->Join().ok());
  }

  // The next offer of at least one cpu; smaller ones are declined.
  static std::optional<meros::v1::Offer> WaitCpu(RecordingScheduler* scheduler,
                                                 sdk::SchedulerDriver* driver) {
    const absl::Time deadline = testing::PollNow() + kPatience;
    while (testing::PollNow() < deadline) {
      auto offer = scheduler->WaitOffer(absl::Seconds(1));
      if (offer.has_value() && Amount(offer->resources(), "cpus") >= 1) return offer;
      if (offer.has_value()) driver->DeclineOffer(offer->id());
    }
    return std::nullopt;
  }

  testing::TempDir directory_;
  std::unique_ptr<testing::LocalCluster> cluster_;
};

TEST_F(SharingTest, OffersThatAreNotAnsweredGoToAnother) {
  Start({.agent_resources = "cpus:4;mem:4096;disk:100", .master_flags = {"--offer_timeout=3s"}});
  RecordingScheduler hoarder, other;
  auto hoarder_driver = Connect(&hoarder, "hoarder");
  ASSERT_TRUE(testing::Eventually(kPatience, [&] { return hoarder.has_offers(); }));
  const absl::Time offered = testing::PollNow();
  auto other_driver = Connect(&other, "other");

  const auto offer = WaitCpu(&other, other_driver.get());
  ASSERT_TRUE(offer.has_value());
  other_driver->LaunchTasks({offer->id()}, {ShellTask("t1", *offer, 1, 16, "sleep 600")});

  ASSERT_TRUE(other.WaitState("t1", meros::v1::TASK_RUNNING, kPatience).has_value());
  Print("offer timeout 3s, the other framework's task runs after", offered);
  EXPECT_TRUE(testing::Eventually(kPatience, [&] { return !hoarder.has_offers(); }));
  End(hoarder_driver.get());
  End(other_driver.get());
}

TEST_F(SharingTest, ARoleMayHaveAnOfferTimeoutOfItsOwn) {
  Start({.agent_resources = "cpus:4;mem:4096;disk:100", .master_flags = {"--offer_timeout=1h"}});
  const auto set = cluster_->Cli({"role", "set", "batch", "--offer_timeout", "2s"});
  ASSERT_EQ(set.exit_code, 0) << set.err;
  RecordingScheduler hoarder, other;
  auto hoarder_driver = Connect(&hoarder, "batch/nightly");
  ASSERT_TRUE(testing::Eventually(kPatience, [&] { return hoarder.has_offers(); }));
  auto other_driver = Connect(&other, "other");

  EXPECT_TRUE(WaitCpu(&other, other_driver.get()).has_value());

  End(hoarder_driver.get());
  End(other_driver.get());
}

TEST_F(SharingTest, DivisionByDemandLeavesSomethingForWhoComesSecond) {
  Start({.agent_resources = "cpus:4;mem:4096;disk:100", .master_flags = {"--offer_timeout=1h"}});
  const auto set = cluster_->Cli({"role", "set", "batch", "--offer_split", "demand",
                                  "--max_offers_in_flight", "1", "--min_allocatable", "cpus=1"});
  ASSERT_EQ(set.exit_code, 0) << set.err;
  RecordingScheduler first, second;
  auto first_driver = Connect(&first, "batch");
  const auto whole = WaitCpu(&first, first_driver.get());
  ASSERT_TRUE(whole.has_value());
  auto second_driver = Connect(&second, "batch");
  ASSERT_TRUE(testing::Eventually(kPatience, [&] { return second.subscriptions() > 0; }));
  meros::v1::Filters at_once;
  at_once.set_refuse_seconds(0);
  first_driver->DeclineOffer(whole->id(), at_once);

  const auto one = WaitCpu(&first, first_driver.get());
  const auto two = WaitCpu(&second, second_driver.get());
  ASSERT_TRUE(one.has_value() && two.has_value());
  EXPECT_EQ(Amount(one->resources(), "cpus"), 2);
  EXPECT_EQ(Amount(two->resources(), "cpus"), 2);

  End(first_driver.get());
  End(second_driver.get());
}

TEST_F(SharingTest, AGuaranteeGetsBackWhatAPreemptibleRoleHolds) {
  Start({.agent_resources = "cpus:4;mem:4096;disk:100"});
  ASSERT_EQ(cluster_->Cli({"role", "set", "low", "--preemptible", "true"}).exit_code, 0);
  RecordingScheduler low, high;
  auto low_driver = Connect(&low, "low");
  const auto all = WaitCpu(&low, low_driver.get());
  ASSERT_TRUE(all.has_value());
  std::vector<meros::v1::TaskInfo> tasks;
  for (const char* id : {"t1", "t2", "t3", "t4"}) {
    // Ends itself with 7 if it is given the time.
    tasks.push_back(
        ShellTask(id, *all, 1, 16, "trap 'sleep 0.2; exit 7' TERM; echo; sleep 600 & wait"));
    tasks.back().mutable_kill_policy()->mutable_grace_period()->set_nanoseconds(60'000'000'000);
  }
  low_driver->LaunchTasks({all->id()}, tasks);
  for (const auto& task : tasks) {
    const std::string& id = task.task_id().value();
    ASSERT_TRUE(low.WaitState(id, meros::v1::TASK_RUNNING, kPatience).has_value()) << id;
  }

  auto high_driver = Connect(&high, "high");
  ASSERT_TRUE(testing::Eventually(kPatience, [&] { return high.subscriptions() > 0; }));
  const absl::Time owed = testing::PollNow();
  const auto set = cluster_->Cli({"quota", "set", "high", "--guarantee", "cpus=2"});
  ASSERT_EQ(set.exit_code, 0) << set.err;
  meros::v1::Filters at_once;
  at_once.set_refuse_seconds(0);
  int running = 0;
  while (running < 2) {
    const auto offer = WaitCpu(&high, high_driver.get());
    ASSERT_TRUE(offer.has_value()) << cluster_->master().Log();
    std::vector<meros::v1::TaskInfo> mine;
    for (double left = Amount(offer->resources(), "cpus"); left >= 1 && running < 2; --left) {
      mine.push_back(ShellTask(absl::StrCat("h", ++running), *offer, 1, 16, "sleep 600"));
    }
    high_driver->LaunchTasks({offer->id()}, mine, at_once);
  }
  ASSERT_TRUE(high.WaitState("h1", meros::v1::TASK_RUNNING, kPatience).has_value());
  ASSERT_TRUE(high.WaitState("h2", meros::v1::TASK_RUNNING, kPatience).has_value());
  Print("a guarantee of 2 cpus is met after", owed);

  for (const char* id : {"t3", "t4"}) {  // the newest
    const auto killed = low.WaitState(id, meros::v1::TASK_KILLED, kPatience);
    ASSERT_TRUE(killed.has_value()) << id;
    EXPECT_EQ(killed->reason(), TaskStatus::REASON_CONTAINER_PREEMPTED) << id;
    EXPECT_TRUE(StrContains(killed->message(), "preempted for role high")) << killed->message();
    EXPECT_EQ(killed->exit_code(), 7) << "it had its grace period";
    const auto killing = low.WaitState(id, meros::v1::TASK_KILLING, kPatience);
    ASSERT_TRUE(killing.has_value()) << id;
    EXPECT_EQ(killing->reason(), TaskStatus::REASON_CONTAINER_PREEMPTED) << id;
  }
  for (const char* id : {"t1", "t2"}) {
    EXPECT_EQ(low.updates(id).back().state(), meros::v1::TASK_RUNNING) << id;
  }
  EXPECT_TRUE(StrContains(cluster_->master().Log(), "preempted"));
  End(low_driver.get());
  End(high_driver.get());
}

TEST_F(SharingTest, ExplainNamesTheStageTheBestAgentAndTheShortfall) {
  Start({.agents = 2, .agent_resources = "cpus:16;mem:4096;disk:100"});
  RecordingScheduler scheduler;
  auto driver = Connect(&scheduler, "big");
  std::vector<std::string> agents;
  while (agents.size() < 2) {
    const auto offer = WaitCpu(&scheduler, driver.get());
    ASSERT_TRUE(offer.has_value());
    agents.push_back(offer->agent_id().value());
  }

  const auto why = cluster_->Cli({"explain", scheduler.framework_id(), "--wanted", "cpus=64"});

  ASSERT_EQ(why.exit_code, 0) << why.err;
  EXPECT_TRUE(StrContains(why.out, "agents: 2, of which 0 can be offered")) << why.out;
  EXPECT_TRUE(StrContains(why.out, "stage too_small, lacks cpus=48")) << why.out;
  const std::string nearest = why.out.substr(why.out.find("nearest: "));
  const std::string line = nearest.substr(0, nearest.find('\n'));
  EXPECT_TRUE(StrContains(line, agents[0]) || StrContains(line, agents[1])) << line;
  End(driver.get());
}

}  // namespace
}  // namespace meros::integration
