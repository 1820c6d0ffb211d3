#include "libs/runtime/backoff.h"

#include "gtest/gtest.h"

namespace meros::runtime {
namespace {

TEST(Backoff, GrowsToItsMaximumWithJitter) {
  Rng rng(1);
  Backoff backoff({.initial = absl::Seconds(1), .maximum = absl::Seconds(8)});

  absl::Duration bound = absl::Seconds(1);
  for (int i = 0; i < 10; ++i) {
    const absl::Duration delay = backoff.Next(&rng);
    EXPECT_LE(delay, bound);
    EXPECT_GE(delay, bound * 0.1);
    bound = std::min(bound * 2, absl::Duration(absl::Seconds(8)));
  }
}

TEST(Backoff, ResetStartsSmallAgain) {
  Rng rng(1);
  Backoff backoff({.initial = absl::Milliseconds(10), .maximum = absl::Seconds(10)});
  for (int i = 0; i < 10; ++i) backoff.Next(&rng);

  backoff.Reset();

  EXPECT_LE(backoff.Next(&rng), absl::Milliseconds(10));
}

}  // namespace
}  // namespace meros::runtime
