// Goal: those who wait to hear of a leader hear of it, and take no room from those who want to
// lead. Method: as registry_core_test.cc.
#include "services/registry/core/leader_watchers.h"

#include <string>

#include "gtest/gtest.h"
#include "services/registry/core/test_core.h"

namespace meros::registry {
namespace {

constexpr int64_t kHourMs = 3600 * 1000;

class WatchersTest : public RegistryCoreTest {
 protected:
  WatchersTest() {
    options_.waiters_max = 2;
    options_.watchers_max = 3;
    Restart();
  }

  static v1::Request WaitForLeader(uint64_t known_epoch, int64_t wait_ms = kHourMs) {
    v1::Request request;
    request.set_id(1);
    request.mutable_get_leader()->set_known_epoch(known_epoch);
    request.mutable_get_leader()->set_wait_ms(wait_ms);
    return request;
  }

  // As many as may wait, each on a stream of its own, from 101 on.
  void Crowd(uint64_t known_epoch) {
    for (StreamId stream = 101; stream <= 103; ++stream) {
      EXPECT_TRUE(Ask(stream, WaitForLeader(known_epoch)).empty());
    }
  }
};

TEST_F(WatchersTest, HowManyEverWaitToHearOfALeaderANewOneComes) {
  const uint64_t epoch = Lead("a");
  Crowd(epoch);
  const auto refused = Replies(Ask(200, WaitForLeader(epoch)));
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].code(), static_cast<int>(absl::StatusCode::kResourceExhausted));

  EXPECT_TRUE(Ask(2, Acquire(5, "b", 60000)).empty()) << "a standby waits beside them";
  now_ = core_.lease().expiry();
  const auto replies = Settle(Step(runtime::Tick{}));

  ASSERT_EQ(replies.size(), 4u);
  EXPECT_EQ(replies[0].id(), 5u);
  EXPECT_EQ(replies[0].lease().epoch(), epoch + 1);
  for (size_t i = 1; i < replies.size(); ++i) EXPECT_EQ(replies[i].leader().candidate_id(), "b");
}

TEST_F(WatchersTest, WhoHasGoneLeavesItsPlace) {
  const uint64_t epoch = Lead("a");
  Crowd(epoch);

  Step(RegistryCore::StreamClosed{102});

  EXPECT_TRUE(Ask(200, WaitForLeader(epoch)).empty());
}

TEST_F(WatchersTest, WhoseTimeIsOverHearsOfTheLeaderThatItKnows) {
  const uint64_t epoch = Lead("a");
  Crowd(epoch);
  Step(RegistryCore::StreamClosed{101});
  EXPECT_TRUE(Ask(200, WaitForLeader(epoch, 3000)).empty());
  EXPECT_EQ(core_.NextDeadline(), now_ + absl::Seconds(3));
  now_ = core_.NextDeadline();

  const auto replies = Replies(Step(runtime::Tick{}));

  ASSERT_EQ(replies.size(), 1u);
  EXPECT_EQ(replies[0].code(), 0);
  EXPECT_EQ(replies[0].leader().epoch(), epoch);
  EXPECT_EQ(core_.NextDeadline(), now_ + absl::Hours(1) - absl::Seconds(3));
}

}  // namespace
}  // namespace meros::registry
