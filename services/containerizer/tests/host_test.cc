// Goal: real containers, run by the whole containerizer but for its network, end as they should and
// leave nothing behind; also across a stop and a new start. Needs root.
#include <gmock/gmock.h>
#include <sched.h>

#include "libs/linux/mountinfo.h"
#include "services/containerizer/shell/container_host.h"
#include "services/containerizer/tests/host_fixture.h"

namespace meros::containerizer {
namespace {

using ::testing::HasSubstr;

class HostTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: containers with isolation need root";
    StartHost();
  }
  void TearDown() override {
    if (host_ == nullptr) return;
    Ask([](v1::Request* r) { r->mutable_list(); });
    host_->Stop();
    host_.reset();
    ExpectNothingLeft(root_, directory_.path());
    auto cgroups = os::DetectCgroups(root_);
    if (cgroups.ok()) {
      EXPECT_TRUE((*cgroups)->RemoveRoot().ok());
    }
  }

  void StartHost() {
    HostOptions options;
    options.runtime_dir = directory_.At("runtime");
    options.cgroups_root = root_;
    options.launcher = "linux";
    options.init_program = absl::StrCat(::getenv("MEROS_BIN_DIR"), "/meros-init");
    client_ = std::make_unique<TestClient>();
    auto host = ContainerHost::Start(options, &metrics_, [this](StreamId, v1::Responses frame) {
      client_->Receive(std::move(frame));
    });
    ASSERT_TRUE(host.ok()) << host.status();
    host_ = *std::move(host);
    host_->StreamOpened(1);
  }
  void RestartHost() {
    host_->Stop();
    host_.reset();
    StartHost();
  }

  template <typename Fill>
  v1::Response Ask(Fill fill) {
    v1::Request request;
    request.set_request_id(++request_id_);
    fill(&request);
    EXPECT_TRUE(host_->Submit(1, request));
    return client_->AwaitAnswer(request_id_);
  }
  v1::Response Launch(const v1::LaunchSpec& spec) {
    return Ask([&](v1::Request* r) { *r->mutable_launch()->mutable_spec() = spec; });
  }
  v1::Response Launch(const std::string& id, const std::string& line) {
    return Launch(ShellSpec(id, line, directory_.Sandbox(id)));
  }
  v1::Response Stop(const std::string& id, uint64_t grace_ms) {
    return Ask([&](v1::Request* r) {
      r->mutable_stop()->set_container_id(id);
      r->mutable_stop()->set_grace_ms(grace_ms);
    });
  }
  v1::Response Destroy(const std::string& id) {
    return Ask([&](v1::Request* r) { r->mutable_destroy()->set_container_id(id); });
  }
  v1::Termination RunToEnd(const v1::LaunchSpec& spec) {
    EXPECT_EQ(Launch(spec).code(), 0u);
    return client_->AwaitTerminated(spec.container_id());
  }
  v1::Termination RunToEnd(const std::string& id, const std::string& line) {
    return RunToEnd(ShellSpec(id, line, directory_.Sandbox(id)));
  }

  // The end of a container that may have terminated before this host's stream was opened.
  v1::Termination AwaitEnd(const std::string& id) {
    const absl::Time give_up = absl::Now() + kTestDeadline;
    while (absl::Now() < give_up) {
      const v1::Response answer =
          Ask([&](v1::Request* r) { r->mutable_status()->set_container_id(id); });
      if (answer.status().status().state() == v1::TERMINATED) {
        return answer.status().status().termination();
      }
      absl::SleepFor(absl::Milliseconds(2));
    }
    ADD_FAILURE() << id << " does not terminate";
    return {};
  }

  const std::string root_ = absl::StrCat("meros-host-test-", ::getpid());
  TestDirectory directory_;
  telemetry::MetricRegistry registry_{"containerizer"};
  HostMetrics metrics_{&registry_};
  std::unique_ptr<TestClient> client_;
  std::unique_ptr<ContainerHost> host_;
  uint64_t request_id_ = 0;
};

TEST_F(HostTest, OutputAndExitCode) {
  const v1::Termination end = RunToEnd("c", "echo out; echo err >&2; pwd; exit 7");

  EXPECT_EQ(end.reason(), v1::EXITED);
  EXPECT_EQ(end.exit_code(), 7u);
  EXPECT_EQ(end.message(), "Command exited with status 7");
  EXPECT_GT(end.finished_at_ns(), end.started_at_ns());
  EXPECT_EQ(directory_.Output("c"), absl::StrCat("out\n", directory_.Sandbox("c"), "\n"));
  EXPECT_EQ(directory_.Output("c", "stderr"), "err\n");
}

TEST_F(HostTest, ArgumentsEnvironmentAndPython) {
  v1::LaunchSpec spec = ShellSpec("c", "", directory_.Sandbox("c"));
  spec.mutable_command()->set_shell(false);
  spec.mutable_command()->set_value("python3");
  for (const char* argument :
       {"python3", "-c", "import os,sys; print(os.environ['WHO'], sys.argv[1])", "a b"}) {
    spec.mutable_command()->add_arguments(argument);
  }
  spec.add_environment()->set_name("WHO");
  spec.mutable_environment(0)->set_value("me");

  EXPECT_EQ(RunToEnd(spec).exit_code(), 0u);
  EXPECT_EQ(directory_.Output("c"), "me a b\n");
}

TEST_F(HostTest, SignalThatEndsTheCommand) {
  const v1::Termination end = RunToEnd("c", "kill -ABRT $$");

  EXPECT_EQ(end.reason(), v1::EXITED);
  EXPECT_EQ(end.signal(), static_cast<uint32_t>(SIGABRT));
  EXPECT_FALSE(end.has_exit_code());
}

TEST_F(HostTest, NamespacesHideTheNode) {
  v1::LaunchSpec spec = ShellSpec(
      "c", "hostname; set -- /proc/[0-9]*; echo $#; ipcs -q | grep -c 0x", directory_.Sandbox("c"));
  spec.set_hostname("inside");

  RunToEnd(spec);

  // meros-init and the shell; no message queues.
  EXPECT_EQ(directory_.Output("c"), "inside\n2\n0\n");
}

TEST_F(HostTest, LimitsAreWritten) {
  v1::LaunchSpec spec = ShellSpec("c", "exec sleep 100", directory_.Sandbox("c"));
  spec.mutable_resources()->set_cpu_limit_millis(1500);
  Launch(spec);
  client_->AwaitStarted("c");

  auto cgroups = os::DetectCgroups(root_).value();
  EXPECT_EQ(cgroups->Usage("c").memory_limit_bytes, 64u << 20);
  if (cgroups->version() == 1) {
    const auto read = [&](const char* file) {
      return os::ReadNumber(absl::StrCat("/sys/fs/cgroup/", file)).value_or(0);
    };
    EXPECT_EQ(read(absl::StrCat("cpu/", root_, "/c/cpu.shares").c_str()), 102u);
    EXPECT_EQ(read(absl::StrCat("cpu/", root_, "/c/cpu.cfs_quota_us").c_str()), 150000u);
    EXPECT_EQ(read(absl::StrCat("pids/", root_, "/c/pids.max").c_str()), 64u);
  }
  const v1::Response usage = Ask([](v1::Request* r) { r->mutable_usage()->set_container_id("c"); });
  EXPECT_EQ(usage.usage().usage().memory_limit_bytes(), 64u << 20);
  EXPECT_EQ(usage.usage().usage().pids(), 2u);

  const v1::Response updated = Ask([](v1::Request* r) {
    r->mutable_update()->set_container_id("c");
    r->mutable_update()->mutable_resources()->set_memory_limit_bytes(96 << 20);
  });
  EXPECT_EQ(updated.code(), 0u) << updated.message();
  EXPECT_EQ(cgroups->Usage("c").memory_limit_bytes, 96u << 20);
  Destroy("c");
  EXPECT_EQ(client_->AwaitTerminated("c").reason(), v1::REQUESTED);
}

TEST_F(HostTest, MemoryHogEndsWithLimitAndPeak) {
  const v1::Termination end =
      RunToEnd("c", "python3 -c \"x = bytearray(200 << 20); print(len(x))\"");

  EXPECT_EQ(end.reason(), v1::LIMITATION_MEMORY) << end.message();
  EXPECT_THAT(end.message(), HasSubstr("limit 64.0 MiB, peak 64.0 MiB"));
  EXPECT_EQ(end.limited_resources().memory_limit_bytes(), 64u << 20);
  EXPECT_EQ(end.memory_peak_bytes(), 64u << 20);
}

TEST_F(HostTest, ForkBombStaysBoundedAndIsDestroyed) {
  Launch("c", "b() { b | b & b; }; b");
  client_->AwaitStarted("c");
  auto cgroups = os::DetectCgroups(root_).value();
  const absl::Time give_up = absl::Now() + kTestDeadline;
  while (cgroups->ForksRefused("c") == 0 && !client_->HasTerminated("c") && absl::Now() < give_up) {
    EXPECT_LE(cgroups->Usage("c").pids.value_or(0), 64u);
  }

  Destroy("c");
  const v1::Termination end = client_->AwaitTerminated("c");
  EXPECT_TRUE(end.reason() == v1::REQUESTED || end.reason() == v1::LIMITATION_PIDS)
      << end.message();
}

TEST_F(HostTest, RefusedForksAreNamedWhenTheCommandFails) {
  v1::LaunchSpec spec = ShellSpec(
      "c",
      "python3 -c '\nimport os,time\nfor i in range(20):\n  if os.fork() == 0: time.sleep(60)\n'",
      directory_.Sandbox("c"));
  spec.mutable_resources()->set_pids_limit(8);

  const v1::Termination end = RunToEnd(spec);

  EXPECT_EQ(end.reason(), v1::LIMITATION_PIDS) << end.message();
  EXPECT_THAT(end.message(), HasSubstr("forks were refused at the limit of 8 processes"));
}

TEST_F(HostTest, HundredMegabytesOfOutput) {
  EXPECT_EQ(RunToEnd("c", "head -c 104857600 /dev/zero; exit 0").exit_code(), 0u);
  EXPECT_EQ(directory_.Output("c").size(), 104857600u);
}

TEST_F(HostTest, StopKillsWhatIgnoresSigterm) {
  Launch("c", "trap '' TERM; echo ready; while :; do sleep 1; done");
  client_->AwaitStarted("c");
  directory_.AwaitOutput("c", "ready");
  const absl::Time before = absl::Now();

  EXPECT_EQ(Stop("c", 300).stop().status().state(), v1::STOPPING);
  const v1::Termination end = client_->AwaitTerminated("c");

  EXPECT_EQ(end.reason(), v1::REQUESTED);
  EXPECT_EQ(end.signal(), static_cast<uint32_t>(SIGKILL));
  EXPECT_GE(absl::Now() - before, absl::Milliseconds(300));
}

TEST_F(HostTest, StopLetsACommandFinishInGrace) {
  Launch("c", "trap 'echo bye; exit 4' TERM; echo ready; while :; do sleep 1; done");
  client_->AwaitStarted("c");
  directory_.AwaitOutput("c", "ready");

  Stop("c", 20000);
  const v1::Termination end = client_->AwaitTerminated("c");

  EXPECT_EQ(end.reason(), v1::REQUESTED);
  EXPECT_EQ(end.exit_code(), 4u);
  EXPECT_THAT(directory_.Output("c"), HasSubstr("bye"));
}

TEST_F(HostTest, WhatTheCommandLeavesBehindDiesWithIt) {
  RunToEnd("c", absl::StrCat("setsid sleep 1000 & (setsid sh -c 'cd ", directory_.path(),
                             "; sleep 1000' &); exit 0"));
}

TEST_F(HostTest, LaunchFailuresSayWhy) {
  v1::LaunchSpec no_user = ShellSpec("u", "true", directory_.Sandbox("u"));
  no_user.set_user("no-such-user");
  v1::LaunchSpec no_program = ShellSpec("p", "", directory_.Sandbox("p"));
  no_program.mutable_command()->set_shell(false);
  no_program.mutable_command()->set_value("/no/such/program");
  v1::LaunchSpec no_sandbox = ShellSpec("s", "true", directory_.At("missing"));
  v1::LaunchSpec link = ShellSpec("l", "true", directory_.Sandbox("l"));
  ASSERT_EQ(::symlink("/etc/shadow", absl::StrCat(directory_.Sandbox("l"), "/stdout").c_str()), 0);

  const std::pair<v1::LaunchSpec, const char*> cases[] = {
      {no_user, "there is no user 'no-such-user'"},
      {no_program, "cannot execute '/no/such/program': No such file"},
      {no_sandbox, "missing"},
      {link, "symbolic link"}};
  for (const auto& [spec, message] : cases) {
    const v1::Termination end = RunToEnd(spec);
    EXPECT_EQ(end.reason(), v1::LAUNCH_FAILED);
    EXPECT_THAT(end.message(), HasSubstr(message));
    EXPECT_EQ(end.started_at_ns(), 0);
  }
}

TEST_F(HostTest, RunsAsAnotherUser) {
  v1::LaunchSpec spec = ShellSpec("c", "id -un; touch mine", directory_.Sandbox("c"));
  spec.set_user("nobody");

  EXPECT_EQ(RunToEnd(spec).exit_code(), 0u);
  EXPECT_EQ(directory_.Output("c"), "nobody\n");
}

TEST_F(HostTest, FiftyAtOnce) {
  for (int i = 0; i < 50; ++i) Launch(absl::StrCat("c", i), absl::StrCat("exit ", i));
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(client_->AwaitTerminated(absl::StrCat("c", i)).exit_code(), static_cast<uint32_t>(i));
  }
  EXPECT_EQ(client_->terminations(), 50);
}

TEST_F(HostTest, SecondLaunchOfAnIdDoesNothing) {
  RunToEnd("c", "echo once");

  const v1::Response again = Launch("c", "echo once");

  EXPECT_EQ(again.launch().result(), v1::LaunchResponse::ALREADY_LAUNCHED);
  EXPECT_EQ(again.launch().status().state(), v1::TERMINATED);
  EXPECT_EQ(directory_.Output("c"), "once\n");
}

TEST_F(HostTest, TerminationsAreKeptUntilRemoved) {
  RunToEnd("c", "exit 5");
  RestartHost();

  const v1::Termination end = AwaitEnd("c");
  EXPECT_EQ(end.exit_code(), 5u);
  const v1::Response removed =
      Ask([](v1::Request* r) { r->mutable_remove()->set_container_id("c"); });
  EXPECT_EQ(removed.code(), 0u);
  RestartHost();
  EXPECT_EQ(Ask([](v1::Request* r) { r->mutable_list(); }).list().containers_size(), 0);
}

TEST_F(HostTest, RunningContainersAreAdopted) {
  ASSERT_EQ(::mkfifo(absl::StrCat(directory_.Sandbox("c"), "/gate").c_str(), 0600), 0);
  Launch("c", "echo ready; read x < gate; exit 6");
  Launch("hog", "sleep 0.5; python3 -c \"x = bytearray(200 << 20)\"");
  const uint32_t pid = client_->AwaitStarted("c").pid();
  client_->AwaitStarted("hog");

  RestartHost();

  const v1::Response list = Ask([](v1::Request* r) { r->mutable_list(); });
  ASSERT_EQ(list.list().containers_size(), 2);
  EXPECT_EQ(list.list().launcher(), v1::LAUNCHER_LINUX);
  EXPECT_EQ(list.list().containers(0).pid(), pid);
  EXPECT_EQ(list.list().containers(0).state(), v1::RUNNING);
  ASSERT_TRUE(os::WriteControl(absl::StrCat(directory_.Sandbox("c"), "/gate"), "go\n").ok());
  EXPECT_EQ(AwaitEnd("c").exit_code(), 6u);
  EXPECT_EQ(AwaitEnd("hog").reason(), v1::LIMITATION_MEMORY);
}

TEST_F(HostTest, EndsThatHappenedMeanwhileAreKnown) {
  Launch("exits", "sleep 0.3; exit 9");
  Launch("killed", "sleep 100");
  client_->AwaitStarted("exits");
  const uint32_t pid = client_->AwaitStarted("killed").pid();
  host_->Stop();
  host_.reset();
  ::kill(static_cast<pid_t>(pid), SIGKILL);
  absl::SleepFor(absl::Milliseconds(600));  // the end must fall into the time without a host

  StartHost();

  EXPECT_EQ(AwaitEnd("exits").exit_code(), 9u);
  EXPECT_EQ(AwaitEnd("killed").reason(), v1::LOST);
}

TEST_F(HostTest, RecordedButNotStartedIsStartedByTheNext) {
  host_->Stop();
  host_.reset();
  {
    auto records = Records::Open(directory_.At("runtime")).value();
    ASSERT_TRUE(records->WriteLaunch(ShellSpec("c", "echo ran", directory_.Sandbox("c"))).ok());
  }
  StartHost();

  EXPECT_EQ(AwaitEnd("c").exit_code(), 0u);
  EXPECT_EQ(directory_.Output("c"), "ran\n");
}

TEST_F(HostTest, OrphanCgroupsAndUnreadableRecordsAreSweptAway) {
  host_->Stop();
  host_.reset();
  auto cgroups = os::DetectCgroups(root_).value();
  ASSERT_TRUE(cgroups->Create("orphan").ok());
  {
    auto records = Records::Open(directory_.At("runtime")).value();
    ASSERT_TRUE(records->WriteLaunch(ShellSpec("broken", "true", "/tmp")).ok());
    ASSERT_TRUE(os::WriteFileAtomically(absl::StrCat(records->DirectoryOf("broken"), "/launch"),
                                        "\xff\xff", os::Durability::kProcessCrash)
                    .ok());
  }
  StartHost();

  EXPECT_EQ(Ask([](v1::Request* r) { r->mutable_list(); }).list().containers_size(), 0);
  EXPECT_EQ(cgroups->List().value(), std::vector<std::string>());
  EXPECT_TRUE(os::IsDirectory(directory_.At("runtime/quarantine/broken")));
}

TEST_F(HostTest, SecondHostOnOneRuntimeDirectoryIsRefused) {
  const absl::Status second = Records::Open(directory_.At("runtime")).status();

  EXPECT_TRUE(absl::IsFailedPrecondition(second)) << second;
}

}  // namespace
}  // namespace meros::containerizer
