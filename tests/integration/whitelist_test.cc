// Goal: only agents on the operator's whitelist are offered, and an edit of the file takes effect
// while everything runs. Method: a cluster of the real services on loopback, and a scheduler.
#include <cstdio>
#include <fstream>

#include "gtest/gtest.h"
#include "libs/testing/local_cluster.h"
#include "libs/testing/temp_dir.h"
#include "tests/integration/recording_scheduler.h"

namespace meros::integration {
namespace {

class WhitelistTest : public ::testing::Test {
 protected:
  WhitelistTest()
      : cluster_({.directory = directory_.path(),
                  .master_flags = {"--whitelist=file://" + file_, "--whitelist_interval=100ms"},
                  .agent_flags = {"--hostname=node-1"}}) {}

  // As editors do: never half a list.
  void Put(const std::string& text) {
    std::ofstream(file_ + ".new") << text;
    ASSERT_EQ(std::rename((file_ + ".new").c_str(), file_.c_str()), 0);
  }

  testing::TempDir directory_;
  const std::string file_ = directory_ / "whitelist";
  testing::LocalCluster cluster_;
};

TEST_F(WhitelistTest, AnAgentIsOfferedFromWhenItIsOnTheListUntilItIsNot) {
  Put("node-2\n");
  const absl::Status started = cluster_.Start();
  ASSERT_TRUE(started.ok()) << started;
  RecordingScheduler scheduler;
  sdk::SchedulerDriver driver(&scheduler, {.masters = {cluster_.master_address()},
                                           .framework = Framework("whitelist"),
                                           .tls = {.insecure = true}});
  ASSERT_TRUE(driver.Start().ok());
  const auto explained = [&] { return cluster_.Cli({"explain", scheduler.framework_id()}).out; };
  ASSERT_TRUE(testing::Eventually(absl::Seconds(60), [&] {
    return explained().find("not on the whitelist") != std::string::npos;
  })) << explained();
  EXPECT_FALSE(scheduler.has_offers());

  Put("# now in service\nnode-1\nnode-2\n");

  const auto offer = scheduler.WaitOffer();
  ASSERT_TRUE(offer.has_value());
  EXPECT_EQ(offer->hostname(), "node-1");

  Put("not a hostname\n");  // changes nothing
  meros::v1::Filters at_once;
  at_once.set_refuse_seconds(0);
  driver.DeclineOffer(offer->id(), at_once);
  const auto again = scheduler.WaitOffer();
  ASSERT_TRUE(again.has_value());

  // The next leader, too, keeps to it.
  Put("node-2\n");
  cluster_.master().Kill();
  ASSERT_TRUE(cluster_.RestartMaster().ok());
  EXPECT_TRUE(testing::Eventually(absl::Seconds(60), [&] {
    return explained().find("not on the whitelist") != std::string::npos;
  })) << explained();
  EXPECT_FALSE(scheduler.has_offers());
  driver.Stop();
}

}  // namespace
}  // namespace meros::integration
