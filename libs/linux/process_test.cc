// Goal: processes are started, known again by start time, and their ends noticed.
#include "libs/linux/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "libs/linux/clone.h"

namespace meros::os {
namespace {

// Starts `/bin/sh -c line` with /dev/null everywhere but standard output.
absl::StatusOr<SpawnedProcess> Shell(const char* line, int stdout_fd = -1) {
  static const int null_fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  const char* const argv[] = {"sh", "-c", line, nullptr};
  SpawnOptions options;
  options.fds = {null_fd, stdout_fd < 0 ? null_fd : stdout_fd, null_fd};
  options.program = "/bin/sh";
  options.argv = const_cast<char* const*>(argv);
  return Spawn(options);
}

TEST(Spawn, ReportsExitStatusOnce) {
  absl::StatusOr<SpawnedProcess> process = Shell("exit 7");
  ASSERT_TRUE(process.ok()) << process.status();

  ASSERT_TRUE(WaitForExit(process->pidfd.get(), absl::Seconds(10)));

  const std::optional<int> status = ReapChild(process->pidfd.get());
  ASSERT_TRUE(status.has_value());
  EXPECT_TRUE(WIFEXITED(*status));
  EXPECT_EQ(WEXITSTATUS(*status), 7);
  EXPECT_EQ(ReapChild(process->pidfd.get()), std::nullopt);
}

TEST(Spawn, PassesExactlyTheGivenDescriptors) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  const UniqueFd leaking(::open("/dev/null", O_RDONLY));  // no O_CLOEXEC

  absl::StatusOr<SpawnedProcess> process = Shell("echo /proc/$$/fd/*", write_end.get());
  ASSERT_TRUE(process.ok()) << process.status();
  write_end.Reset();
  char text[512] = {};
  ASSERT_GT(::read(read_end.get(), text, sizeof(text) - 1), 0);
  ASSERT_TRUE(WaitForExit(process->pidfd.get(), absl::Seconds(10)));
  ReapChild(process->pidfd.get());

  const std::string line = text;
  // Three descriptors, and the one by which the shell lists them.
  EXPECT_EQ(std::count(line.begin(), line.end(), ' '), 3) << line;
}

TEST(Spawn, SaysWhyAProgramCannotBeExecuted) {
  const char* const argv[] = {"nothing", nullptr};
  SpawnOptions options;
  options.program = "/nonexistent/program";
  options.argv = const_cast<char* const*>(argv);

  const absl::Status status = Spawn(options).status();

  EXPECT_TRUE(absl::IsInternal(status));
  EXPECT_NE(status.message().find("could not execute: No such file"), absl::string_view::npos)
      << status;
}

TEST(Process, SignalsEndAProcessAndTheDeadAreFine) {
  absl::StatusOr<SpawnedProcess> process = Shell("exec sleep 100");
  ASSERT_TRUE(process.ok()) << process.status();
  EXPECT_FALSE(WaitForExit(process->pidfd.get(), absl::Milliseconds(10)));

  EXPECT_TRUE(SignalProcess(process->pidfd.get(), SIGKILL).ok());
  ASSERT_TRUE(WaitForExit(process->pidfd.get(), absl::Seconds(10)));
  EXPECT_EQ(ReapChild(process->pidfd.get()), SIGKILL);
  EXPECT_TRUE(SignalProcess(process->pidfd.get(), SIGKILL).ok());
}

TEST(Process, IsFoundAgainOnlyWithItsStartTime) {
  absl::StatusOr<uint64_t> start = ProcessStartTime(::getpid());
  ASSERT_TRUE(start.ok()) << start.status();

  EXPECT_TRUE(OpenProcess(::getpid(), *start).ok());
  EXPECT_TRUE(absl::IsNotFound(OpenProcess(::getpid(), *start + 1).status()));
}

TEST(Process, OpenFilesLimitIsRaisedAndTheFormerOneKnown) {
  const absl::StatusOr<OpenFilesLimit> former = RaiseOpenFilesLimit();
  ASSERT_TRUE(former.ok()) << former.status();

  const absl::StatusOr<OpenFilesLimit> now = RaiseOpenFilesLimit();

  ASSERT_TRUE(now.ok()) << now.status();
  EXPECT_EQ(now->soft, former->hard);
  EXPECT_EQ(now->hard, former->hard);
}

TEST(Process, TreeHoldsChildren) {
  absl::StatusOr<SpawnedProcess> process = Shell("exec sleep 100");
  ASSERT_TRUE(process.ok()) << process.status();

  const std::vector<pid_t> tree = ProcessTree(::getpid());

  EXPECT_EQ(tree.front(), ::getpid());
  EXPECT_NE(std::find(tree.begin(), tree.end(), process->pid), tree.end());
  SignalProcess(process->pidfd.get(), SIGKILL).IgnoreError();
  WaitForExit(process->pidfd.get(), absl::Seconds(10));
  ReapChild(process->pidfd.get());
}

}  // namespace
}  // namespace meros::os
