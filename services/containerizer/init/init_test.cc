// Goal: meros-init alone, driven by hand over its descriptors, without namespaces or cgroups: what
// it runs, what it notes, what it forwards, and that nothing survives it.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/linux/clone.h"
#include "libs/linux/files.h"
#include "libs/linux/process.h"
#include "services/containerizer/init/init_request.h"

namespace meros::containerizer {
namespace {

using ::testing::HasSubstr;

class InitTest : public ::testing::Test {
 protected:
  InitTest() {
    char pattern[] = "/tmp/meros-init-XXXXXX";
    directory_ = ::mkdtemp(pattern);
    request_.sandbox = directory_;
    request_.program = "/bin/sh";
    request_.environment = {"PATH=/usr/bin:/bin"};
  }
  ~InitTest() override {
    if (process_.pidfd.valid()) os::SignalProcess(process_.pidfd.get(), SIGKILL).IgnoreError();
    os::RemoveTree(directory_).IgnoreError();
  }

  void Start(const std::string& line) {
    request_.arguments = {"sh", "-c", line};
    Start();
  }

  void Start() {
    os::UniqueFd request = MakeRequestFd(request_).value();
    const os::UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const os::UniqueFd out(
        ::open(At("stdout").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    const os::UniqueFd runtime(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    int go[2], report[2];
    ASSERT_EQ(::pipe2(go, O_CLOEXEC), 0);
    ASSERT_EQ(::pipe2(report, O_CLOEXEC), 0);
    const os::UniqueFd go_read(go[0]), report_write(report[1]);
    go_.Reset(go[1]);
    report_.Reset(report[0]);
    const std::string program = absl::StrCat(::getenv("MEROS_BIN_DIR"), "/meros-init");
    const char* const argv[] = {"meros-init", nullptr};
    os::SpawnOptions options;
    options.fds = {null.get(),    out.get(),          out.get(),    request.get(),
                   go_read.get(), report_write.get(), runtime.get()};
    options.program = program.c_str();
    options.argv = const_cast<char* const*>(argv);
    absl::StatusOr<os::SpawnedProcess> process = os::Spawn(options);
    ASSERT_TRUE(process.ok()) << process.status();
    process_ = *std::move(process);
  }

  void Go() { ASSERT_EQ(::write(go_.get(), "g", 1), 1); }

  // Nothing when the command was executed.
  std::optional<InitFailure> Outcome() {
    InitFailure failure;
    return ::read(report_.get(), &failure, sizeof(failure)) == sizeof(failure)
               ? std::optional<InitFailure>(failure)
               : std::nullopt;
  }

  // The wait status that was noted; -1 when none was.
  int NotedExit() {
    EXPECT_TRUE(os::WaitForExit(process_.pidfd.get(), absl::Seconds(60)));
    init_status_ = os::ReapChild(process_.pidfd.get()).value_or(-1);
    const absl::StatusOr<InitNote> note = ReadNote(directory_, kInitExitFile);
    return note.ok() ? note->wait_status : -1;
  }

  std::string At(absl::string_view name) const { return absl::StrCat(directory_, "/", name); }
  std::string Output() const { return os::ReadFile(At("stdout")).value_or(""); }
  // Waits for the command to have written `text`.
  void AwaitOutput(const std::string& text) const {
    const absl::Time give_up = absl::Now() + absl::Seconds(60);
    while (Output().find(text) == std::string::npos && absl::Now() < give_up) {
      absl::SleepFor(absl::Milliseconds(2));
    }
    ASSERT_THAT(Output(), HasSubstr(text));
  }

  // Waits until a descendant of meros-init runs program `name`.
  void AwaitDescendant(absl::string_view name) const {
    const absl::Time give_up = absl::Now() + absl::Seconds(60);
    while (absl::Now() < give_up) {
      for (const pid_t pid : os::ProcessTree(process_.pid)) {
        const auto comm = os::ReadFile(absl::StrCat("/proc/", pid, "/comm"));
        if (comm.ok() && *comm == absl::StrCat(name, "\n")) return;
      }
      absl::SleepFor(absl::Milliseconds(2));
    }
    ADD_FAILURE() << "nothing runs " << name;
  }

  std::string directory_;
  InitRequest request_;
  os::SpawnedProcess process_;
  os::UniqueFd go_, report_;
  int init_status_ = -1;
};

TEST_F(InitTest, NotesTheExitCodeAndExitsAlike) {
  Start("echo hello; pwd; exit 7");
  Go();

  EXPECT_EQ(Outcome(), std::nullopt);
  EXPECT_EQ(NotedExit(), 7 << 8);
  EXPECT_EQ(init_status_, 7 << 8);
  EXPECT_EQ(Output(), absl::StrCat("hello\n", directory_, "\n"));
  EXPECT_TRUE(ReadNote(directory_, kInitStartedFile).ok());
}

TEST_F(InitTest, NotesTheSignalThatEndedTheCommand) {
  Start("kill -SEGV $$");
  Go();

  EXPECT_EQ(NotedExit() & 0x7f, SIGSEGV);
  EXPECT_EQ(init_status_, (128 + SIGSEGV) << 8);
}

TEST_F(InitTest, RunsNothingWhenTheContainerizerDiesBeforeGo) {
  Start("echo ran");
  go_.Reset();

  EXPECT_EQ(NotedExit(), -1);
  EXPECT_EQ(init_status_, 1 << 8);
  EXPECT_EQ(Output(), "");
  EXPECT_FALSE(ReadNote(directory_, kInitStartedFile).ok());
}

TEST_F(InitTest, SurvivesTheContainerizerAfterGo) {
  Start("sleep 0.2; exit 3");
  Go();
  EXPECT_EQ(Outcome(), std::nullopt);
  go_.Reset();
  report_.Reset();

  EXPECT_EQ(NotedExit(), 3 << 8);
}

TEST_F(InitTest, ForwardsSignalsToTheWholeGroup) {
  Start("trap 'echo caught; exit 9' TERM; echo ready; sleep 100");
  Go();
  AwaitOutput("ready");
  AwaitDescendant("sleep");

  ASSERT_TRUE(os::SignalProcess(process_.pidfd.get(), SIGTERM).ok());

  // The shell runs its trap only once `sleep` has ended, so `sleep` must have got the signal too.
  EXPECT_EQ(NotedExit(), 9 << 8);
  EXPECT_THAT(Output(), HasSubstr("caught"));
}

TEST_F(InitTest, KillsWhatTheCommandLeavesBehind) {
  Start("(setsid sleep 1000 & echo $! > pid); sleep 0.1; setsid sleep 1000 & echo $!; exit 0");
  Go();

  EXPECT_EQ(NotedExit(), 0);
  pid_t left = 0;
  ASSERT_TRUE(absl::SimpleAtoi(Output(), &left));
  EXPECT_TRUE(absl::IsNotFound(os::ProcessStartTime(left).status()));
  EXPECT_TRUE(os::ProcessesInSession(left).empty());
}

TEST_F(InitTest, ReapsOrphansWhileTheCommandRuns) {
  // The orphan is the one other child of meros-init; it must go while the shell waits for that.
  Start(
      "(sleep 0.05 &); for i in $(seq 600); do "
      "[ $(ps -o pid= --ppid $PPID | wc -l) = 1 ] && exit 5; sleep 0.1; done; exit 0");
  Go();

  EXPECT_EQ(NotedExit(), 5 << 8);
}

TEST_F(InitTest, SaysWhyTheCommandCannotBeExecuted) {
  request_.program = "no-such-program";
  request_.arguments = {"no-such-program"};
  Start();
  Go();

  const std::optional<InitFailure> failure = Outcome();

  ASSERT_TRUE(failure.has_value());
  EXPECT_EQ(ExplainFailure(*failure, request_).message(),
            "cannot execute 'no-such-program': No such file or directory");
  EXPECT_EQ(NotedExit(), -1);
}

TEST_F(InitTest, SaysThatTheSandboxCannotBeEntered) {
  request_.sandbox = "/nonexistent/sandbox";
  Start("true");
  Go();

  const std::optional<InitFailure> failure = Outcome();

  ASSERT_TRUE(failure.has_value());
  EXPECT_EQ(failure->step, kStepSandbox);
}

TEST_F(InitTest, CommandGetsOnlyItsEnvironmentAndDescriptors) {
  request_.environment = {"PATH=/usr/bin:/bin", "ONE=1", "TWO=a b"};
  request_.program = "env";
  request_.arguments = {"env"};
  Start();
  Go();
  EXPECT_EQ(NotedExit(), 0);
  EXPECT_EQ(Output(), "PATH=/usr/bin:/bin\nONE=1\nTWO=a b\n");
}

TEST_F(InitTest, CommandStartsWithNoSignalBlockedOrIgnored) {
  Start("grep -E '^Sig(Blk|Ign)' /proc/self/status; ls /proc/self/fd | wc -l");
  Go();

  EXPECT_EQ(NotedExit(), 0);
  // 0, 1, 2 and the one by which ls reads the directory.
  EXPECT_EQ(Output(), "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n4\n");
}

TEST_F(InitTest, AppliesResourceLimits) {
  request_.rlimits = {{RLIMIT_NOFILE, 0, 64, 64}, {RLIMIT_CORE, 0, 0, 0}};
  Start("ulimit -n; ulimit -c");
  Go();

  EXPECT_EQ(NotedExit(), 0);
  EXPECT_EQ(Output(), "64\n0\n");
}

TEST_F(InitTest, IsSmall) {
  Start("sleep 100");
  Go();
  EXPECT_EQ(Outcome(), std::nullopt);

  // Its anonymous memory is what a further container costs; the program text is shared by all.
  const absl::StatusOr<std::string> rollup =
      os::ReadFile(absl::StrCat("/proc/", process_.pid, "/smaps_rollup"));
  ASSERT_TRUE(rollup.ok()) << rollup.status();
  const size_t at = rollup->find("Anonymous:");
  ASSERT_NE(at, std::string::npos);
  const int anonymous_kb = ::atoi(rollup->c_str() + at + 10);
  std::cout << "anonymous memory: " << anonymous_kb << " kB\n";
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LE(anonymous_kb, 128);
#endif
}

}  // namespace
}  // namespace meros::containerizer
