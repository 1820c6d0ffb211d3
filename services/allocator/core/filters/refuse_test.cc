#include "services/allocator/core/filters/refuse.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/base/rng.h"
#include "services/allocator/core/test_harness.h"

namespace meros::allocator {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr uint64_t kClient = 7;
constexpr uint64_t kAgent = 3;

class RefuseFiltersTest : public ::testing::Test {
 protected:
  bool Blocks(uint64_t client, uint64_t agent, const std::string& offered) {
    filters_.CheckInvariants();
    const RefuseFilters::OnAgent* on_agent = filters_.Find(agent);
    return on_agent != nullptr && on_agent->Blocks(client, Text(offered));
  }
  std::vector<uint64_t> Expire(absl::Duration after) {
    std::vector<uint64_t> agents;
    filters_.Expire(start_ + after, &agents);
    filters_.CheckInvariants();
    return agents;
  }
  bool Add(const std::string& refused, absl::Duration after, uint64_t client = kClient,
           uint64_t agent = kAgent) {
    return filters_.Add(client, agent, Text(refused), start_ + after);
  }

  const absl::Time start_ = absl::FromUnixSeconds(1000);
  RefuseFilters filters_{100, 3};
};

TEST_F(RefuseFiltersTest, BlockWhatIsContainedForThatClientAndAgentOnly) {
  ASSERT_TRUE(Add("cpus:2;mem:100", absl::Seconds(5)));
  EXPECT_TRUE(Blocks(kClient, kAgent, "cpus:2;mem:100"));
  EXPECT_TRUE(Blocks(kClient, kAgent, "cpus:1"));
  EXPECT_FALSE(Blocks(kClient, kAgent, "cpus:3"));
  EXPECT_FALSE(Blocks(kClient, kAgent, "cpus:1;disk:1"));
  EXPECT_FALSE(Blocks(kClient + 1, kAgent, "cpus:1"));
  EXPECT_FALSE(Blocks(kClient, kAgent + 1, "cpus:1"));
}

TEST_F(RefuseFiltersTest, EndInTheirOrderAndNameTheirAgents) {
  Add("cpus:1", absl::Seconds(5), kClient, 1);
  Add("cpus:1", absl::Seconds(3), kClient, 2);
  EXPECT_EQ(filters_.NextExpiry(), start_ + absl::Seconds(3));
  EXPECT_THAT(Expire(absl::Milliseconds(2999)), IsEmpty());
  EXPECT_THAT(Expire(absl::Seconds(3)), ElementsAre(2));
  EXPECT_EQ(filters_.size(), 1);
  EXPECT_THAT(Expire(absl::Seconds(9)), ElementsAre(1));
  EXPECT_EQ(filters_.NextExpiry(), absl::InfiniteFuture());
}

TEST_F(RefuseFiltersTest, LongerAndLargerReplaces) {
  Add("cpus:1", absl::Seconds(3));
  Add("cpus:2", absl::Seconds(5));
  EXPECT_EQ(filters_.size(), 1);
  Add("cpus:1", absl::Seconds(9));
  EXPECT_EQ(filters_.size(), 2) << "smaller, but for longer";
  EXPECT_THAT(Expire(absl::Seconds(6)), ElementsAre(kAgent));
  EXPECT_TRUE(Blocks(kClient, kAgent, "cpus:1"));
  EXPECT_FALSE(Blocks(kClient, kAgent, "cpus:2"));
}

TEST_F(RefuseFiltersTest, KeepAtMostSoManyPerPairAndInAll) {
  for (int i = 0; i < 10; ++i)
    Add(absl::StrCat("cpus:", 10 - i, ";mem:", i + 1), absl::Seconds(9 + i));
  EXPECT_EQ(filters_.size(), 3);
  EXPECT_TRUE(Blocks(kClient, kAgent, "cpus:1;mem:10"));
  EXPECT_FALSE(Blocks(kClient, kAgent, "cpus:10;mem:1")) << "the one that ended first made room";
  for (uint64_t client = 100; client < 197; ++client)
    ASSERT_TRUE(Add("cpus:1", absl::Seconds(1), client));
  EXPECT_FALSE(Add("cpus:1", absl::Seconds(1), 500));
  EXPECT_EQ(filters_.size(), 100);
}

TEST_F(RefuseFiltersTest, AreDroppedWithClientAndAgent) {
  Add("cpus:1", absl::Seconds(5), 1, 1);
  Add("cpus:1", absl::Seconds(5), 1, 2);
  Add("cpus:1", absl::Seconds(5), 2, 1);
  filters_.DropClient(1);
  EXPECT_FALSE(Blocks(1, 1, "cpus:1"));
  EXPECT_TRUE(Blocks(2, 1, "cpus:1"));
  filters_.DropAgent(1);
  EXPECT_FALSE(Blocks(2, 1, "cpus:1"));
  EXPECT_EQ(filters_.size(), 0);
  EXPECT_THAT(Expire(absl::Seconds(9)), IsEmpty());
}

TEST_F(RefuseFiltersTest, MemoryFollowsWhatIsInForceNotWhatWasRevived) {
  RefuseFilters filters(1000, 16);
  for (int i = 0; i < 100'000; ++i) {
    filters.Add(kClient, kAgent, Text("cpus:1"), start_ + absl::Hours(1));
    filters.DropClient(kClient);
  }
  filters.CheckInvariants();
  std::vector<uint64_t> agents;
  filters.Expire(start_ + absl::Hours(2), &agents);
  EXPECT_THAT(agents, IsEmpty());
}

TEST_F(RefuseFiltersTest, RandomHistoriesKeepTheBooks) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Rng rng(seed);
    RefuseFilters filters(50, 3);
    absl::Time now = start_;
    for (int step = 0; step < 500; ++step) {
      now += absl::Milliseconds(rng.Uniform(0, 200));
      const uint64_t client = rng.Uniform(1, 5);
      const uint64_t agent = rng.Uniform(1, 5);
      switch (rng.Uniform(0, 7)) {
        case 0:
          filters.DropClient(client);
          break;
        case 1:
          filters.DropAgent(agent);
          break;
        case 2: {
          std::vector<uint64_t> agents;
          filters.Expire(now, &agents);
          EXPECT_GT(filters.NextExpiry(), now);
          break;
        }
        default:
          filters.Add(client, agent,
                      Text(absl::StrCat("cpus:", rng.Uniform(1, 4), ";mem:", rng.Uniform(1, 4))),
                      now + absl::Milliseconds(rng.Uniform(1, 5000)));
      }
      filters.CheckInvariants();
    }
  }
}

}  // namespace
}  // namespace meros::allocator
