#include "libs/base/leader_hint.h"

#include "gtest/gtest.h"

namespace meros {
namespace {

TEST(LeaderHint, SurvivesTheRoundTrip) {
  EXPECT_EQ(LeaderHint(NotLeadingError("10.0.0.1:7050")), "10.0.0.1:7050");
  EXPECT_EQ(LeaderHint(NotLeadingError("[::1]:7050")), "[::1]:7050");
  EXPECT_EQ(LeaderHint(NotLeadingError("")), std::nullopt);
}

TEST(LeaderHint, IgnoresOtherStatuses) {
  EXPECT_EQ(LeaderHint(absl::OkStatus()), std::nullopt);
  EXPECT_EQ(LeaderHint(absl::UnavailableError("leader=a:1")), std::nullopt);
  EXPECT_EQ(LeaderHint(absl::FailedPreconditionError("leader=a:1 was wrong")), std::nullopt);
  EXPECT_EQ(LeaderHint(absl::FailedPreconditionError("leader=")), std::nullopt);
  EXPECT_EQ(LeaderHint(absl::FailedPreconditionError("leader=nowhere")), std::nullopt);
  EXPECT_EQ(LeaderHint(absl::FailedPreconditionError("leader=:7050")), std::nullopt);
  EXPECT_EQ(LeaderHint(absl::FailedPreconditionError("leader=m2:")), std::nullopt);
}

}  // namespace
}  // namespace meros
