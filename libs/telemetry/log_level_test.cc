// Goal: a log level that is set for a while is what it was afterwards.
#include "libs/telemetry/log_level.h"

#include <gtest/gtest.h>

namespace meros::telemetry {
namespace {

class LogLevels : public ::testing::Test {
 protected:
  LogLevels() { SetLogLevel(Severity::kInfo); }
};

TEST_F(LogLevels, WhatIsSetForGoodLasts) {
  LogLevelControl control;

  control.Set(Severity::kError);

  EXPECT_EQ(LogLevel(), Severity::kError);
  EXPECT_EQ(control.setting().level, Severity::kError);
  EXPECT_EQ(control.setting().lasting, Severity::kError);
  EXPECT_EQ(control.setting().remaining, absl::InfiniteDuration());
}

TEST_F(LogLevels, WhatIsSetForAWhileEnds) {
  LogLevelControl control;

  control.SetFor(Severity::kDebug, absl::Milliseconds(1));
  while (LogLevel() != Severity::kInfo) std::this_thread::yield();

  EXPECT_EQ(control.setting().level, Severity::kInfo);
  EXPECT_EQ(control.setting().remaining, absl::InfiniteDuration());
}

TEST_F(LogLevels, AWhileIsSeenAndReplacedByAnother) {
  LogLevelControl control;

  control.SetFor(Severity::kDebug, absl::Hours(2));
  EXPECT_EQ(LogLevel(), Severity::kDebug);
  EXPECT_EQ(control.setting().lasting, Severity::kInfo);
  EXPECT_GT(control.setting().remaining, absl::Hours(1));
  EXPECT_LE(control.setting().remaining, absl::Hours(2));

  control.SetFor(Severity::kWarning, absl::Milliseconds(1));
  while (LogLevel() != Severity::kInfo) std::this_thread::yield();
}

TEST_F(LogLevels, SettingForGoodEndsAWhile) {
  LogLevelControl control;
  control.SetFor(Severity::kDebug, absl::Hours(1));

  control.Set(Severity::kWarning);

  EXPECT_EQ(LogLevel(), Severity::kWarning);
  EXPECT_EQ(control.setting().remaining, absl::InfiniteDuration());
}

TEST_F(LogLevels, WhatLastsIsBackWhenControlEnds) {
  { LogLevelControl().SetFor(Severity::kDebug, absl::Hours(1)); }

  EXPECT_EQ(LogLevel(), Severity::kInfo);
}

}  // namespace
}  // namespace meros::telemetry
