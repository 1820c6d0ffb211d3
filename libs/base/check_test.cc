#include "libs/base/check.h"

#include "gtest/gtest.h"

namespace meros {
namespace {

TEST(Check, PassesWithoutEvaluatingItsMessage) {
  int evaluated = 0;
  MEROS_CHECK(true) << ++evaluated;
  EXPECT_EQ(evaluated, 0);
}

TEST(CheckDeathTest, FailureNamesConditionAndValues) {
  EXPECT_DEATH(MEROS_CHECK(1 == 2) << "agent " << 7, "check failed: 1 == 2 agent 7");
}

TEST(CheckDeathTest, BugIsFatalInTests) {
  EXPECT_DEATH(MEROS_BUG(1 == 1) << "drift", "bug: 1 == 1 drift");
}

TEST(CheckDeathTest, BugIsCountedAndSurvivedInProduction) {
  // The setting is read once per process, so the production case needs a process of its own.
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  unsetenv("MEROS_BUG_IS_FATAL");
  EXPECT_EXIT(
      {
        MEROS_BUG(true) << "first";
        MEROS_BUG(true) << "second";
        MEROS_BUG(false) << "never";
        std::exit(static_cast<int>(BugCount()));
      },
      ::testing::ExitedWithCode(2), "first");
  setenv("MEROS_BUG_IS_FATAL", "1", 1);
}

}  // namespace
}  // namespace meros
