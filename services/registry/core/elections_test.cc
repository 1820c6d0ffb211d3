// Goal: the lease and the epochs of masters that were elected elsewhere, among themselves and
// beside those who wait for the lease here. Method: as registry_core_test.cc.
#include <string>

#include "gtest/gtest.h"
#include "services/registry/core/test_core.h"

namespace meros::registry {
namespace {

class RegistryElections : public RegistryCoreTest {};

TEST_F(RegistryElections, ALaterWinnerOfAnElectionTakesTheLeaseFromAnEarlierOneAtOnce) {
  const auto first = Settle(Ask(1, AcquireWon(1, "a", 7)));
  ASSERT_EQ(first.at(0).code(), 0) << first.at(0).message();
  const uint64_t epoch = first.at(0).lease().epoch();
  EXPECT_EQ(Settle(Ask(1, AcquireWon(2, "a", 7))).at(0).lease().epoch(), epoch) << "repeated";

  const auto second = Settle(Ask(2, AcquireWon(3, "b", 9)));

  ASSERT_EQ(second.at(0).code(), 0) << second.at(0).message();
  EXPECT_GT(second.at(0).lease().epoch(), epoch);
  const int refused = static_cast<int>(absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Settle(Ask(1, Renew(4, epoch))).at(0).code(), refused);
  EXPECT_EQ(Settle(Ask(1, Put(5, epoch, "k", "v"))).at(0).code(), refused);
  EXPECT_EQ(Settle(Ask(1, AcquireWon(6, "a", 7))).at(0).code(), refused) << "it came late";
  EXPECT_EQ(Settle(Ask(1, AcquireWon(7, "a", 11))).at(0).code(), 0) << "it won again";
}

TEST_F(RegistryElections, TheWinnerOfAnElectionTakesTheLeaseAtOnceAlsoAfterARestart) {
  ASSERT_EQ(Settle(Ask(1, AcquireWon(1, "a", 7))).at(0).code(), 0);
  Restart();

  EXPECT_NE(Settle(Ask(1, Acquire(2, "c", 0))).at(0).code(), 0) << "won nothing: has to wait";
  EXPECT_EQ(Settle(Ask(1, AcquireWon(3, "b", 8))).at(0).code(), 0);
}

TEST_F(RegistryElections, TheWinnerOfAnElectionWaitsForThoseWhoAreNotOfIt) {
  const uint64_t epoch = Lead("a");
  EXPECT_NE(Settle(Ask(2, AcquireWon(2, "b", 9))).at(0).code(), 0);
  now_ += absl::Seconds(10);
  const auto after = Settle(Ask(2, AcquireWon(3, "b", 9)));
  ASSERT_EQ(after.at(0).code(), 0) << after.at(0).message();
  EXPECT_GT(after.at(0).lease().epoch(), epoch);

  EXPECT_NE(Settle(Ask(3, AcquireWon(4, "c", 99, "zk:/other"))).at(0).code(), 0);
  EXPECT_NE(Settle(Ask(1, Acquire(5, "a", 0))).at(0).code(), 0);
  now_ += absl::Seconds(10);
  const auto back = Settle(Ask(1, Acquire(6, "a", 0)));
  ASSERT_EQ(back.at(0).code(), 0) << back.at(0).message();
  EXPECT_GT(back.at(0).lease().epoch(), after.at(0).lease().epoch());
}

TEST_F(RegistryElections, ALaterWinnerComesBeforeThoseWhoWait) {
  ASSERT_EQ(Settle(Ask(1, AcquireWon(1, "a", 7))).at(0).code(), 0);
  EXPECT_TRUE(Settle(Ask(2, Acquire(2, "waits", 60000))).empty());

  const auto next = Settle(Ask(3, AcquireWon(3, "b", 8)));

  ASSERT_EQ(next.at(0).code(), 0) << next.at(0).message();
  EXPECT_EQ(next.at(0).lease().candidate_id(), "b");
}

}  // namespace
}  // namespace meros::registry
