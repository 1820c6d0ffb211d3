#include "libs/base/rng.h"

#include <algorithm>
#include <vector>

#include "gtest/gtest.h"

namespace meros {
namespace {

TEST(Rng, SameSeedSameSequence) {
  Rng a(42), b(42), c(43);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(a.Next(), b.Next());
  EXPECT_NE(a.Next(), c.Next());
}

TEST(Rng, SequenceIsFixedForever) {
  // A recorded seed must replay on every later build.
  Rng rng(1);
  EXPECT_EQ(rng.Next(), 12966619160104079557ULL);
}

TEST(Rng, UniformStaysInBoundsAndReachesThem) {
  Rng rng(7);
  std::vector<int> seen(5, 0);
  for (int i = 0; i < 1000; ++i) ++seen[rng.Uniform(10, 14) - 10];
  EXPECT_TRUE(std::all_of(seen.begin(), seen.end(), [](int n) { return n > 100; }));
  EXPECT_EQ(rng.Uniform(3, 3), 3u);
}

TEST(Rng, ChanceHonoursItsExtremes) {
  Rng rng(7);
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(rng.Chance(0));
    EXPECT_TRUE(rng.Chance(1));
  }
}

TEST(Rng, UuidIsVersionFour) {
  Rng rng(9);
  const std::string text = rng.Uuid();
  ASSERT_EQ(text.size(), 36u);
  EXPECT_EQ(text[14], '4');
  EXPECT_NE(std::string("89ab").find(text[19]), std::string::npos);
  EXPECT_NE(text, rng.Uuid());
}

TEST(Rng, ShuffleKeepsEveryItem) {
  Rng rng(3);
  std::vector<int> items = {1, 2, 3, 4, 5, 6};
  rng.Shuffle(&items);
  std::sort(items.begin(), items.end());
  EXPECT_EQ(items, (std::vector<int>{1, 2, 3, 4, 5, 6}));
}

}  // namespace
}  // namespace meros
