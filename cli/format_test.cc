#include "cli/format.h"

#include "cli/run_scheduler.h"
#include "gtest/gtest.h"

namespace meros::cli {
namespace {

TEST(Format, TableAlignsAndTrims) {
  Table table({"A", "LONG"});
  table.Add({"x", ""});
  table.Add({"longer", "y"});

  EXPECT_EQ(table.Print(), "A       LONG\nx       -\nlonger  y\n");
}

TEST(Format, ControlCharactersCannotDriveTheTerminal) {
  EXPECT_EQ(Printable("a\033[2Jb\n"), "a?[2Jb?");
}

TEST(Format, NumbersAreShort) {
  EXPECT_EQ(Number(2), "2");
  EXPECT_EQ(Number(0.5), "0.5");
  EXPECT_EQ(Number(1.2345), "1.234");
  EXPECT_EQ(Megabytes(512), "512M");
  EXPECT_EQ(Megabytes(4096), "4.0G");
  EXPECT_EQ(StateName(meros::v1::TASK_RUNNING), "RUNNING");
  EXPECT_EQ(Age(0), "-");
  EXPECT_EQ(Until(0), "-");
  EXPECT_EQ(Until(1), "0s");
}

TEST(RunScheduler, ExitCodeIsTheTasksOwn) {
  meros::v1::TaskStatus status;
  status.set_state(meros::v1::TASK_FINISHED);
  EXPECT_EQ(RunScheduler::ExitCode(status), 0);
  status.set_state(meros::v1::TASK_FAILED);
  EXPECT_EQ(RunScheduler::ExitCode(status), 1);
  status.set_exit_code(7);
  EXPECT_EQ(RunScheduler::ExitCode(status), 7);
  status.clear_exit_code();
  status.set_term_signal(9);
  EXPECT_EQ(RunScheduler::ExitCode(status), 137);
}

TEST(Format, NamesAndValuesAreHalvedAtTheFirstSign) {
  using Halves = std::pair<std::string, std::optional<std::string>>;

  EXPECT_EQ(NameAndValue("rack=r1"), Halves("rack", "r1"));
  EXPECT_EQ(NameAndValue("a=b=c"), Halves("a", "b=c"));
  EXPECT_EQ(NameAndValue("a="), Halves("a", ""));
  EXPECT_EQ(NameAndValue("a"), Halves("a", std::nullopt));
}

}  // namespace
}  // namespace meros::cli
