// Goal: Ranges is the set of its numbers. Method: literals at the borders (touching ranges, 0 and
// the largest number), then random operations against a set of numbers.
#include "libs/resources/ranges.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "libs/base/rng.h"

namespace meros::resources {
namespace {

constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();

TEST(Ranges, Row24TouchingRangesBecomeOne) {
  EXPECT_EQ((Ranges{{1, 5}, {6, 9}}), (Ranges{{1, 9}}));
  EXPECT_EQ((Ranges{{6, 9}, {1, 5}, {20, 20}}).ToString(), "[1-9, 20-20]");
}

TEST(Ranges, SubtractSplits) {
  Ranges ranges{{1, 10}};
  ranges.Subtract({4, 5});
  EXPECT_EQ(ranges, (Ranges{{1, 3}, {6, 10}}));
  ranges.Subtract({0, 7});
  EXPECT_EQ(ranges, (Ranges{{8, 10}}));
}

TEST(Ranges, BordersOfTheNumbers) {
  const Ranges all{{0, kMax}};
  EXPECT_EQ(all.Count(), kMax) << "saturates";
  EXPECT_TRUE(all.Contains(kMax));
  Ranges ranges = all;
  ranges.Subtract({kMax, kMax});
  ranges.Subtract({0, 0});
  EXPECT_EQ(ranges, (Ranges{{1, kMax - 1}}));
  ranges.Add({kMax, kMax});
  ranges.Add({0, 0});
  EXPECT_EQ(ranges, all);
}

TEST(Ranges, DisjointInputIsCheckedOverlappingInputIsJoined) {
  const Range overlapping[] = {{1, 5}, {5, 9}};
  const Range backwards[] = {{5, 1}};

  EXPECT_FALSE(Ranges::FromDisjoint(overlapping).ok());
  EXPECT_EQ(*Ranges::FromOverlapping(overlapping), (Ranges{{1, 9}}));
  EXPECT_FALSE(Ranges::FromOverlapping(backwards).ok());
}

TEST(Ranges, FirstTakesTheLowest) {
  const Ranges ranges{{1, 3}, {10, 20}};
  EXPECT_EQ(ranges.First(0), Ranges());
  EXPECT_EQ(ranges.First(2), (Ranges{{1, 2}}));
  EXPECT_EQ(ranges.First(5), (Ranges{{1, 3}, {10, 11}}));
  EXPECT_EQ(ranges.First(100), ranges);
}

// The same operations on plain sets of numbers.
class Model {
 public:
  void Add(Range range) {
    for (uint64_t n = range.begin; n <= range.end; ++n) numbers.insert(n);
  }
  void Subtract(Range range) {
    for (uint64_t n = range.begin; n <= range.end; ++n) numbers.erase(n);
  }
  std::set<uint64_t> numbers;
};

Ranges ToRanges(const std::set<uint64_t>& numbers) {
  Ranges ranges;
  for (const uint64_t n : numbers) ranges.Add({n, n});
  return ranges;
}

TEST(Ranges, AgreesWithASetOfNumbers) {
  Rng rng(1);
  for (int round = 0; round < 300; ++round) {
    Ranges a;
    Model model;
    for (int step = 0; step < 30; ++step) {
      const uint64_t begin = rng.Uniform(0, 120);
      const Range range{begin, begin + rng.Uniform(0, 9)};
      if (rng.Chance(0.6)) {
        a.Add(range);
        model.Add(range);
      } else {
        a.Subtract(range);
        model.Subtract(range);
      }
    }
    EXPECT_EQ(a, ToRanges(model.numbers));
    EXPECT_EQ(a.Count(), model.numbers.size());
    for (uint64_t n = 0; n < 130; ++n) EXPECT_EQ(a.Contains(n), model.numbers.contains(n));
  }
}

TEST(Ranges, BulkOperationsAgreeWithSingleOnes) {
  Rng rng(2);
  const auto any = [&] {
    Ranges ranges;
    const uint64_t count = rng.Uniform(0, 20);
    for (uint64_t i = 0; i < count; ++i) {
      const uint64_t begin = rng.Uniform(0, 200);
      ranges.Add({begin, begin + rng.Uniform(0, 4)});
    }
    return ranges;
  };
  for (int round = 0; round < 1000; ++round) {
    const Ranges a = any();
    const Ranges b = any();
    Ranges sum = a;
    Ranges difference = a;
    bool contains = true;
    bool intersects = false;
    for (const Range& range : b) {
      sum.Add(range);
      difference.Subtract(range);
      contains = contains && a.Contains(range);
      for (uint64_t n = range.begin; n <= range.end; ++n) intersects = intersects || a.Contains(n);
    }
    EXPECT_EQ(a + b, sum);
    EXPECT_EQ(a - b, difference);
    EXPECT_EQ(a.Contains(b), contains);
    EXPECT_EQ(a.Intersects(b), intersects);
  }
}

}  // namespace
}  // namespace meros::resources
