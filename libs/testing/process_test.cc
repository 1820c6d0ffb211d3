#include "libs/testing/process.h"

#include <sys/wait.h>

#include "gtest/gtest.h"
#include "libs/testing/temp_dir.h"

namespace meros::testing {
namespace {

std::unique_ptr<Process> Shell(const TempDir& dir, const std::string& script) {
  return *Process::Start(
      {.name = "sh", .program = "/bin/sh", .arguments = {"-c", script}, .log_dir = dir.path()});
}

TEST(Process, ReadsItsReadyLine) {
  TempDir dir;
  auto process = Shell(dir, "echo meros-x ready grpc=127.0.0.1:77 metrics=88; sleep 600");

  ASSERT_TRUE(process->WaitReady(absl::Seconds(60)).ok());
  EXPECT_EQ(process->address(), "127.0.0.1:77");
  EXPECT_EQ(process->metrics_port(), 88);
  EXPECT_TRUE(process->running());
}

TEST(Process, SaysWhyItIsNotReady) {
  TempDir dir;
  auto process = Shell(dir, "echo broken >&2; exit 3");

  const absl::Status status = process->WaitReady(absl::Seconds(60));
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_NE(status.message().find("broken"), absl::string_view::npos);
  EXPECT_EQ(WEXITSTATUS(*process->Wait(absl::Seconds(60))), 3);
}

TEST(Process, StopsAndKills) {
  TempDir dir;
  auto process = Shell(dir, "trap 'exit 5' TERM; echo up; while :; do sleep 0.01; done");
  ASSERT_TRUE(Eventually(absl::Seconds(60), [&] { return process->Output() == "up\n"; }));
  EXPECT_EQ(WEXITSTATUS(*process->Stop(absl::Seconds(60))), 5);

  process = Shell(dir, "trap '' TERM; echo up; while :; do sleep 0.01; done");
  ASSERT_TRUE(Eventually(absl::Seconds(60), [&] { return process->Output() == "up\n"; }));
  EXPECT_TRUE(absl::IsDeadlineExceeded(process->Stop(absl::Milliseconds(100)).status()));
  EXPECT_FALSE(process->running());
}

TEST(Process, APausedOneDoesNothingUntilItIsResumed) {
  TempDir dir;
  auto process = Shell(dir, "while :; do echo x; done");
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(Eventually(absl::Seconds(60), [&] { return !process->Output().empty(); }));
    process->Pause();
    const size_t written = process->Output().size();
    for (int pauses = 0; pauses < 4; ++pauses) PollPause();
    EXPECT_EQ(process->Output().size(), written);
    EXPECT_TRUE(process->running());
    process->Resume();
    EXPECT_TRUE(Eventually(absl::Seconds(60), [&] { return process->Output().size() > written; }));
  }
  process->Pause();
  process->Kill();
  EXPECT_FALSE(process->running());
  process->Pause();
}

}  // namespace
}  // namespace meros::testing
