#include "libs/tasks/holdings_digest.h"

#include <gtest/gtest.h>

namespace meros::tasks {
namespace {

HoldingsDigest Of(const char* framework, const char* task, v1::TaskState state) {
  HoldingsDigest digest;
  digest.Add(framework, task, state);
  return digest;
}

TEST(HoldingsDigest, DoesNotDependOnTheOrder) {
  HoldingsDigest one;
  one.Add("f", "a", v1::TASK_RUNNING);
  one.Add("g", "b", v1::TASK_STAGING);
  HoldingsDigest two;
  two.Add("g", "b", v1::TASK_STAGING);
  two.Add("f", "a", v1::TASK_RUNNING);

  EXPECT_EQ(one, two);
}

TEST(HoldingsDigest, DependsOnEverythingElse) {
  const HoldingsDigest digest = Of("f", "ab", v1::TASK_RUNNING);

  EXPECT_NE(digest, HoldingsDigest());
  EXPECT_NE(digest, Of("f", "ab", v1::TASK_KILLING));
  EXPECT_NE(digest, Of("f", "ba", v1::TASK_RUNNING));
  EXPECT_NE(digest, Of("fa", "b", v1::TASK_RUNNING));
  HoldingsDigest twice = digest;
  twice.Add("f", "ab", v1::TASK_RUNNING);
  EXPECT_NE(digest, twice);
}

// Agents and masters of different versions must come to the same number.
TEST(HoldingsDigest, IsTheSameForEver) {
  EXPECT_EQ(Of("f", "t", v1::TASK_RUNNING).sum, 0xf032e9e206f65b4eu);
}

}  // namespace
}  // namespace meros::tasks
