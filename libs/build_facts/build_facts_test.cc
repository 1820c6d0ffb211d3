#include "libs/build_facts/build_facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace meros {
namespace {

using ::testing::AnyOf;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;

TEST(BuildFacts, AreThoseOfThisBuild) {
  const BuildFacts& facts = ThisBuild();
  EXPECT_THAT(facts.version, MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
  EXPECT_GT(facts.built, absl::FromCivil(absl::CivilYear(2026), absl::UTCTimeZone()));
  EXPECT_THAT(facts.user, testing::Not(IsEmpty()));
  // A tree without git's folder has no commit.
  EXPECT_THAT(facts.git_sha, AnyOf(IsEmpty(), MatchesRegex("[0-9a-f]{40}")));
}

}  // namespace
}  // namespace meros
