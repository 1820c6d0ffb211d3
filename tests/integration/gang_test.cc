// Goal: a gang is offered as a whole or not at all by real services; its framework hears when it
// will not be; and an allocator that starts anew knows of it.
// Method: a cluster of eight agents, of which the last joins when the test says so. That nothing
// was offered is looked at after `meros explain` says that the allocator has considered the gang.
#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "libs/testing/local_cluster.h"
#include "libs/testing/temp_dir.h"
#include "tests/integration/recording_scheduler.h"

namespace meros::integration {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(90);

class GangTest : public ::testing::Test {
 protected:
  explicit GangTest(int agents = 8)
      : agents_(agents),
        cluster_({.directory = directory_.path(),
                  .agents = agents,
                  .agents_later = 1,
                  .agent_resources = "cpus:2;mem:512;disk:100"}) {}

  void SetUp() override {
    const absl::Status status = cluster_.Start();
    ASSERT_TRUE(status.ok()) << status;
    driver_ = std::make_unique<sdk::SchedulerDriver>(
        &scheduler_, sdk::DriverOptions{.masters = {cluster_.master_address()},
                                        .framework = Framework("gang"),
                                        .tls = {.insecure = true}});
    driver_->SuppressOffers();  // gangs are all it wants
    ASSERT_TRUE(driver_->Start().ok());
    ASSERT_TRUE(testing::Eventually(kPatience, [&] { return scheduler_.subscriptions() == 1; }));
  }
  void TearDown() override {
    driver_->Stop();
    EXPECT_TRUE(driver_->Join().ok());
  }

  // One bundle of two cpus for each agent.
  sdk::GangRequest OnePerAgent(const std::string& id) const {
    sdk::GangRequest gang;
    gang.id = id;
    gang.bundles = {{agents_, {ScalarResource("cpus", 2), ScalarResource("mem", 64)}}};
    gang.distinct_agents = true;
    return gang;
  }
  // Waits until the allocator explains the gang so.
  bool Explains(const std::string& what) {
    return testing::Eventually(kPatience, [&] {
      const auto explained = cluster_.Cli({"explain", scheduler_.framework_id()});
      return absl::StrContains(explained.out, what);
    });
  }
  bool JoinLast() {
    return cluster_.RestartContainerizer(agents_ - 1).ok() &&
           cluster_.RestartAgent(agents_ - 1).ok();
  }
  size_t offers() { return scheduler_.largest_event(); }

  const int agents_;
  testing::TempDir directory_;
  testing::LocalCluster cluster_;
  RecordingScheduler scheduler_;
  std::unique_ptr<sdk::SchedulerDriver> driver_;
};

TEST_F(GangTest, EightBundlesWaitForTheEighthAgentAndAreOfferedTogether) {
  driver_->RequestGang(OnePerAgent("g"));
  ASSERT_TRUE(Explains("7 would fit on what is free now"));
  EXPECT_EQ(offers(), 0u);

  ASSERT_TRUE(JoinLast());

  ASSERT_TRUE(testing::Eventually(kPatience, [&] { return offers() > 0; }));
  EXPECT_EQ(offers(), 8u);
  for (int i = 0; i < 8; ++i) {
    const auto offer = scheduler_.WaitOffer();
    ASSERT_TRUE(offer.has_value());
    EXPECT_EQ(offer->gang_id(), "g");
    EXPECT_EQ(Amount(offer->resources(), "cpus"), 2);
    EXPECT_EQ(Amount(offer->resources(), "mem"), 64);
  }
  EXPECT_TRUE(scheduler_.ended_gangs().empty());
}

class SmallGangTest : public GangTest {
 protected:
  SmallGangTest() : GangTest(2) {}
};

TEST_F(SmallGangTest, ItOutlivesTheAllocator) {
  driver_->RequestGang(OnePerAgent("g"));
  ASSERT_TRUE(Explains("1 would fit on what is free now"));
  cluster_.allocator().Kill();
  ASSERT_TRUE(cluster_.RestartAllocator().ok());
  ASSERT_TRUE(Explains("1 would fit on what is free now"));
  EXPECT_EQ(offers(), 0u);

  ASSERT_TRUE(JoinLast());

  ASSERT_TRUE(testing::Eventually(kPatience, [&] { return offers() > 0; }));
  EXPECT_EQ(offers(), 2u);
}

TEST_F(SmallGangTest, TheFrameworkHearsOfTheDeadlineAndOfWhatIsNotTaken) {
  sdk::GangRequest late = OnePerAgent("late");
  late.deadline = absl::Seconds(1);
  driver_->RequestGang(late);
  sdk::GangRequest large = OnePerAgent("large");
  large.bundles[0].count = 1001;
  driver_->RequestGang(large);

  ASSERT_TRUE(testing::Eventually(kPatience, [&] { return scheduler_.ended_gangs().size() == 2; }));
  using Ended = meros::v1::scheduler::Event::GangEnded;
  const auto ended = scheduler_.ended_gangs();
  EXPECT_EQ(ended[0].gang_id(), "large");
  EXPECT_EQ(ended[0].reason(), Ended::REFUSED);
  EXPECT_TRUE(absl::StrContains(ended[0].message(), "max_gang_bundles = 1000"));
  EXPECT_EQ(ended[1].gang_id(), "late");
  EXPECT_EQ(ended[1].reason(), Ended::DEADLINE);
  EXPECT_EQ(offers(), 0u);
}

}  // namespace
}  // namespace meros::integration
