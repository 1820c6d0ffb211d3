// Goal: a client finds the leader without delay when a master names it, leaves none of the masters
// out, never spins, and knows which master it lost. Method: the search alone, with a clock that the
// test moves.
#include "libs/runtime/leader_search.h"

#include "gtest/gtest.h"
#include "libs/base/leader_hint.h"

namespace meros::runtime {
namespace {

constexpr absl::Duration kInitial = absl::Milliseconds(100), kMaximum = absl::Seconds(5);

class LeaderSearchTest : public ::testing::Test {
 protected:
  absl::Duration Delay() { return search_.Delay(&rng_); }
  // Dials, and is told why not after `wait`.
  std::string Try(const absl::Status& why, absl::Duration wait = absl::ZeroDuration()) {
    const std::string dialed = search_.Dial(now_);
    now_ += wait;
    search_.Failed(now_, why);
    return dialed;
  }
  // Until the delays are as long as they get.
  void FailForLong() {
    for (int i = 0; i < 20; ++i) {
      Try(away_);
      Delay();
    }
  }

  const absl::Status away_ = absl::UnavailableError("connection refused");
  absl::Time now_ = absl::UnixEpoch();
  Rng rng_{1};
  LeaderSearch search_{{"a:1", "b:1", "c:1"}, {.initial = kInitial, .maximum = kMaximum}};
};

TEST_F(LeaderSearchTest, TheFirstIsDialedAtOnceAndTheOthersInTurnAfterADelay) {
  EXPECT_EQ(Delay(), absl::ZeroDuration());
  for (const std::string& master : std::vector<std::string>{"a:1", "b:1", "c:1", "a:1"}) {
    EXPECT_EQ(Try(away_), master);
    EXPECT_GT(Delay(), absl::ZeroDuration());
  }
}

TEST_F(LeaderSearchTest, ALeaderThatIsNamedIsDialedAtOnce) {
  Try(NotLeadingError("x:1"));

  EXPECT_EQ(Delay(), absl::ZeroDuration());
  EXPECT_EQ(Try(away_), "x:1");
  EXPECT_GT(Delay(), absl::ZeroDuration());
  EXPECT_EQ(Try(away_), "b:1");
}

TEST_F(LeaderSearchTest, MastersThatDisagreeDoNotMakeItSpin) {
  int at_once = 0;
  for (int i = 0; i < 40; ++i) {
    Try(NotLeadingError(i % 2 == 0 ? "b:1" : "a:1"));
    at_once += Delay() == absl::ZeroDuration();
  }
  EXPECT_EQ(at_once, 30);
}

TEST_F(LeaderSearchTest, TheLostMasterIsTheOneThatDidNotAnswer) {
  EXPECT_EQ(search_.lost_master(), "");
  Try(NotLeadingError("x:1"));
  EXPECT_EQ(search_.lost_master(), "");
  Try(away_);
  EXPECT_EQ(search_.lost_master(), "x:1");
  Try(NotLeadingError("y:1"));
  EXPECT_EQ(search_.lost_master(), "x:1");

  search_.Dial(now_);
  search_.Accepted();
  EXPECT_EQ(search_.lost_master(), "");
  search_.Dial(now_);
  search_.Failed(now_, absl::ResourceExhaustedError("too much to do"));
  EXPECT_EQ(search_.lost_master(), "");
}

TEST_F(LeaderSearchTest, ALeaderWhoseStreamBreaksIsNotLostYet) {
  search_.Dial(now_);
  search_.Accepted();
  search_.Failed(now_, away_);
  EXPECT_EQ(search_.lost_master(), "");
}

TEST_F(LeaderSearchTest, AMasterThatWaitedForTheLeaderMakesTheNextDelaySmall) {
  FailForLong();
  Try(NotLeadingError("x:1"));
  Try(away_);
  absl::Duration longest;
  for (int i = 0; i < 5; ++i) longest = std::max(longest, Delay());
  EXPECT_GT(longest, 2 * kInitial);

  FailForLong();
  Try(NotLeadingError("x:1"), absl::Seconds(4));
  Try(away_);
  EXPECT_LE(Delay(), kInitial);
}

TEST_F(LeaderSearchTest, BeingTakenMakesTheNextDelaySmall) {
  FailForLong();
  search_.Dial(now_);
  search_.Accepted();
  search_.Failed(now_, away_);

  EXPECT_LE(Delay(), kInitial);
}

}  // namespace
}  // namespace meros::runtime
