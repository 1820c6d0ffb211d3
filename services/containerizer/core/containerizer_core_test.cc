// Goal: the life cycle step by step, with the shell played by hand. `Run` steps one input and gives
// the effects as short lines, such as "start c1" or "send 1#7 launched".
#include "services/containerizer/core/containerizer_core.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"

namespace meros::containerizer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string Describe(const v1::Response& response) {
  if (response.code() != 0) return absl::StrCat("refused ", response.code());
  switch (response.body_case()) {
    case v1::Response::kLaunch:
      return response.launch().result() == v1::LaunchResponse::LAUNCHED ? "launched" : "already";
    case v1::Response::kStarted:
      return absl::StrCat("started ", response.started().container_id());
    case v1::Response::kTerminated:
      return absl::StrCat("terminated ", response.terminated().container_id(), " ",
                          v1::TerminationReason_Name(response.terminated().termination().reason()));
    case v1::Response::kList:
      return absl::StrCat("list of ", response.list().containers_size());
    default:
      return "ok";
  }
}

std::string Describe(const Effect& effect) {
  struct Visitor {
    std::string operator()(const RecordLaunch& e) { return "record " + e.spec.container_id(); }
    std::string operator()(const StartContainer& e) { return "start " + e.spec.container_id(); }
    std::string operator()(const SignalContainer& e) {
      return absl::StrCat("signal ", e.id.value(), " ", e.signal);
    }
    std::string operator()(const KillContainer& e) { return "kill " + e.id.value(); }
    std::string operator()(const StoreTermination& e) { return "store " + e.id.value(); }
    std::string operator()(const CleanUpContainer& e) { return "clean " + e.id.value(); }
    std::string operator()(const UpdateResources& e) { return "update " + e.id.value(); }
    std::string operator()(const ReadUsage& e) { return "usage " + e.id.value(); }
    std::string operator()(const RemoveRecords& e) { return "remove " + e.id.value(); }
    std::string operator()(const Send& e) {
      return absl::StrCat("send ", e.stream, "#", e.response.request_id(), " ",
                          Describe(e.response));
    }
  };
  return std::visit(Visitor(), effect);
}

class CoreTest : public ::testing::Test {
 protected:
  CoreTest() { Run(StreamOpened{1}); }

  std::vector<std::string> Run(Input input) {
    effects_.clear();
    core_.Step(now_, std::move(input), &effects_);
    core_.CheckInvariants();
    std::vector<std::string> lines;
    for (const Effect& effect : effects_) lines.push_back(Describe(effect));
    return lines;
  }
  std::vector<std::string> Ask(v1::Request request) {
    request.set_request_id(++request_id_);
    return Run(RequestReceived{1, std::move(request)});
  }
  std::vector<std::string> Launch(const std::string& id) {
    v1::Request request;
    v1::LaunchSpec* const spec = request.mutable_launch()->mutable_spec();
    spec->set_container_id(id);
    spec->mutable_command()->set_shell(true);
    spec->mutable_command()->set_value("true");
    spec->set_sandbox_directory("/tmp");
    spec->mutable_resources()->set_memory_limit_bytes(64 << 20);
    spec->mutable_resources()->set_pids_limit(20);
    return Ask(request);
  }
  std::vector<std::string> Stop(const std::string& id, uint64_t grace_ms) {
    v1::Request request;
    request.mutable_stop()->set_container_id(id);
    request.mutable_stop()->set_grace_ms(grace_ms);
    return Ask(request);
  }
  std::vector<std::string> Destroy(const std::string& id) {
    v1::Request request;
    request.mutable_destroy()->set_container_id(id);
    return Ask(request);
  }
  std::vector<std::string> Kill(const std::string& id, uint32_t signal) {
    v1::Request request;
    request.mutable_kill()->set_container_id(id);
    request.mutable_kill()->set_signal(signal);
    return Ask(request);
  }
  std::vector<std::string> Remove(const std::string& id) {
    v1::Request request;
    request.mutable_remove()->set_container_id(id);
    return Ask(request);
  }
  v1::ContainerStatus Status(const std::string& id) {
    v1::Request request;
    request.mutable_status()->set_container_id(id);
    Ask(request);
    return std::get<Send>(effects_.at(0)).response.status().status();
  }
  void LaunchAndStart(const std::string& id) {
    Launch(id);
    Run(LaunchRecorded{ContainerId(id), {}});
    Run(StartFinished{ContainerId(id), {}, 100, 5});
  }
  // Answers the steps of tear-down; gives the lines of the last.
  std::vector<std::string> FinishDestroy(const std::string& id, EndFacts facts) {
    Run(KillFinished{ContainerId(id), {}, facts});
    Run(TerminationStored{ContainerId(id), {}});
    return Run(CleanUpFinished{ContainerId(id), {}});
  }
  v1::Termination LastTermination() {
    return std::get<Send>(effects_.at(0)).response.terminated().termination();
  }

  const ContainerId c_{"c"};
  absl::Time now_ = absl::FromUnixSeconds(1000);
  ContainerizerCore core_{CoreOptions{.containers_max = 4, .isolates = true}};
  std::vector<Effect> effects_;
  uint64_t request_id_ = 0;
};

TEST_F(CoreTest, LaunchRunsToItsExit) {
  EXPECT_THAT(Launch("c"), ElementsAre("record c"));
  EXPECT_THAT(Run(LaunchRecorded{c_, {}}), ElementsAre("start c", "send 1#1 launched"));
  EXPECT_THAT(Run(StartFinished{c_, {}, 100, 5}), ElementsAre("send 1#0 started c"));
  EXPECT_EQ(Status("c").state(), v1::RUNNING);
  EXPECT_THAT(Run(ProcessEnded{c_}), ElementsAre("kill c"));
  EXPECT_THAT(Run(KillFinished{c_, {}, {.wait_status = 7 << 8}}), ElementsAre("store c"));
  EXPECT_THAT(Run(TerminationStored{c_, {}}), ElementsAre("clean c"));
  EXPECT_THAT(Run(CleanUpFinished{c_, {}}), ElementsAre("send 1#0 terminated c EXITED"));
  EXPECT_EQ(LastTermination().exit_code(), 7u);
  EXPECT_THAT(Remove("c"), ElementsAre("remove c"));
  EXPECT_THAT(Run(RecordsRemoved{c_, {}}), ElementsAre("send 1#3 ok"));
  EXPECT_EQ(core_.container_count(), 0u);
}

TEST_F(CoreTest, SecondLaunchOfAnIdHasNoEffect) {
  Launch("c");
  EXPECT_THAT(Launch("c"), IsEmpty());
  EXPECT_THAT(Run(LaunchRecorded{c_, {}}),
              ElementsAre("start c", "send 1#1 launched", "send 1#2 already"));
  EXPECT_THAT(Launch("c"), ElementsAre("send 1#3 already"));
}

TEST_F(CoreTest, LaunchThatCannotBeRecordedIsRefusedAndForgotten) {
  Launch("c");

  EXPECT_THAT(Run(LaunchRecorded{c_, absl::ResourceExhaustedError("disk full")}),
              ElementsAre("send 1#1 refused 13"));
  EXPECT_EQ(core_.container_count(), 0u);
}

TEST_F(CoreTest, InvalidLaunchAndOneTooManyAreRefused) {
  EXPECT_THAT(Launch("a/b"), ElementsAre("send 1#1 refused 3"));
  for (const char* id : {"a", "b", "c", "d"}) Launch(id);
  EXPECT_THAT(Launch("e"), ElementsAre("send 1#6 refused 8"));
}

TEST_F(CoreTest, FailedStartEndsAsTermination) {
  Launch("c");
  Run(LaunchRecorded{c_, {}});

  EXPECT_THAT(Run(StartFinished{c_, absl::InternalError("no such user")}), ElementsAre("kill c"));
  EXPECT_THAT(FinishDestroy("c", {}), ElementsAre("send 1#0 terminated c LAUNCH_FAILED"));
  EXPECT_THAT(LastTermination().message(), HasSubstr("no such user"));
}

TEST_F(CoreTest, StopSignalsAndKillsWhenGraceIsOver) {
  LaunchAndStart("c");

  EXPECT_THAT(Stop("c", 3000), ElementsAre("signal c 15", "send 1#2 ok"));
  EXPECT_EQ(core_.NextDeadline(), now_ + absl::Seconds(3));
  now_ += absl::Seconds(2);
  EXPECT_THAT(Stop("c", 60000), ElementsAre("send 1#3 ok"));  // cannot extend
  EXPECT_EQ(core_.NextDeadline(), now_ + absl::Seconds(1));
  now_ += absl::Seconds(1);
  EXPECT_THAT(Run(runtime::Tick{}), ElementsAre("kill c"));
  EXPECT_EQ(core_.NextDeadline(), absl::InfiniteFuture());
  EXPECT_THAT(FinishDestroy("c", {.wait_status = SIGKILL}),
              ElementsAre("send 1#0 terminated c REQUESTED"));
}

TEST_F(CoreTest, StopOfOneThatHasEndedByItselfStaysItsOwnEnd) {
  LaunchAndStart("c");
  Run(ProcessEnded{c_});

  EXPECT_THAT(Stop("c", 1000), ElementsAre("send 1#2 ok"));
  EXPECT_THAT(FinishDestroy("c", {.wait_status = 0}), ElementsAre("send 1#0 terminated c EXITED"));
}

TEST_F(CoreTest, EndRequestedBeforeStartIsMetAtTheNextStep) {
  Launch("c");
  EXPECT_THAT(Destroy("c"), ElementsAre("send 1#2 ok"));
  EXPECT_THAT(Run(LaunchRecorded{c_, {}}), ElementsAre("kill c", "send 1#1 launched"));
  EXPECT_THAT(FinishDestroy("c", {}), ElementsAre("send 1#0 terminated c REQUESTED"));

  const ContainerId d("d");
  Launch("d");
  Run(LaunchRecorded{d, {}});
  EXPECT_THAT(Kill("d", SIGTERM), ElementsAre("send 1#4 ok"));
  EXPECT_THAT(Run(StartFinished{d, {}, 1, 2}),
              ElementsAre("kill d"));  // never announced as started
}

TEST_F(CoreTest, SignalsGoToTheCommandOnlyWhileItRuns) {
  Launch("c");
  EXPECT_THAT(Kill("c", SIGHUP), ElementsAre("send 1#2 refused 9"));
  Run(LaunchRecorded{c_, {}});
  Run(StartFinished{c_, {}, 100, 5});
  EXPECT_THAT(Kill("c", SIGHUP), ElementsAre("signal c 1", "send 1#3 ok"));
  EXPECT_THAT(Kill("c", SIGSTOP), ElementsAre("send 1#4 refused 3"));
  EXPECT_THAT(Kill("c", SIGKILL), ElementsAre("kill c", "send 1#5 ok"));
  EXPECT_THAT(Kill("c", SIGHUP), ElementsAre("send 1#6 ok"));
  EXPECT_THAT(Kill("unknown", SIGHUP), ElementsAre("send 1#7 refused 5"));
}

TEST_F(CoreTest, MemoryLimitEndsTheContainerWithLimitAndPeak) {
  LaunchAndStart("c");

  EXPECT_THAT(Run(MemoryLimitHit{c_}), ElementsAre("kill c"));
  EXPECT_THAT(Run(ProcessEnded{c_}), IsEmpty());
  EXPECT_THAT(FinishDestroy("c", {.wait_status = 9, .oom_kills = 1, .memory_peak_bytes = 64 << 20}),
              ElementsAre("send 1#0 terminated c LIMITATION_MEMORY"));
  EXPECT_EQ(LastTermination().message(), "Memory limit exceeded: limit 64.0 MiB, peak 64.0 MiB");
  EXPECT_EQ(LastTermination().limited_resources().memory_limit_bytes(), 64u << 20);
}

TEST_F(CoreTest, ExitThatComesBeforeTheMemoryNotificationHasTheSameReason) {
  LaunchAndStart("c");
  Run(ProcessEnded{c_});

  EXPECT_THAT(FinishDestroy("c", {.wait_status = 9, .oom_kills = 1}),
              ElementsAre("send 1#0 terminated c LIMITATION_MEMORY"));
}

TEST_F(CoreTest, FailureAfterRefusedForksNamesThePidsLimit) {
  LaunchAndStart("c");
  Run(ProcessEnded{c_});

  EXPECT_THAT(FinishDestroy("c", {.wait_status = 2 << 8, .forks_refused = 4}),
              ElementsAre("send 1#0 terminated c LIMITATION_PIDS"));
  EXPECT_EQ(LastTermination().message(),
            "Command exited with status 2 after 4 forks were refused at the limit of 20 processes");
}

TEST_F(CoreTest, TearDownIsRetriedAndSaysWhenItIsStuck) {
  LaunchAndStart("c");
  Run(ProcessEnded{c_});
  const absl::Status busy = absl::FailedPreconditionError("in use by 1 process");

  for (int failure = 1; failure <= 20; ++failure) {
    EXPECT_THAT(Run(KillFinished{c_, busy, {}}), IsEmpty());
    EXPECT_LE(core_.NextDeadline() - now_, absl::Seconds(30));
    now_ = core_.NextDeadline();
    EXPECT_THAT(Run(runtime::Tick{}), ElementsAre("kill c"));
  }
  EXPECT_EQ(Status("c").stuck(), "in use by 1 process");
  EXPECT_EQ(Status("c").state(), v1::DESTROYING);

  EXPECT_THAT(FinishDestroy("c", {.wait_status = 0}), ElementsAre("send 1#0 terminated c EXITED"));
  EXPECT_EQ(Status("c").stuck(), "");
}

TEST_F(CoreTest, RemoveNeedsATerminationAndIsIdempotent) {
  LaunchAndStart("c");
  EXPECT_THAT(Remove("c"), ElementsAre("send 1#2 refused 9"));
  Run(ProcessEnded{c_});
  FinishDestroy("c", {.wait_status = 0});
  EXPECT_THAT(Remove("c"), ElementsAre("remove c"));
  EXPECT_THAT(Run(RecordsRemoved{c_, absl::InternalError("disk")}),
              ElementsAre("send 1#3 refused 13"));
  EXPECT_THAT(Remove("c"), ElementsAre("remove c"));
  EXPECT_THAT(Remove("c"), IsEmpty());
  EXPECT_THAT(Run(RecordsRemoved{c_, {}}), ElementsAre("send 1#4 ok", "send 1#5 ok"));
  EXPECT_THAT(Remove("c"), ElementsAre("send 1#6 ok"));
}

TEST_F(CoreTest, EventsGoToEveryOpenStream) {
  Run(StreamOpened{2});
  Launch("c");
  Run(LaunchRecorded{c_, {}});
  EXPECT_THAT(Run(StartFinished{c_, {}, 100, 5}),
              ElementsAre("send 1#0 started c", "send 2#0 started c"));
  Run(StreamClosed{1});
  Run(ProcessEnded{c_});
  EXPECT_THAT(FinishDestroy("c", {.wait_status = 0}), ElementsAre("send 2#0 terminated c EXITED"));
}

TEST_F(CoreTest, RecoveryGoesOnWhereItWasLeft) {
  using Phase = RecoveredContainer::Phase;
  Recovered input;
  for (const Phase phase : {Phase::kRecorded, Phase::kRunning, Phase::kEnded, Phase::kTerminated}) {
    RecoveredContainer found;
    found.phase = phase;
    found.spec.set_container_id(absl::StrCat("p", static_cast<int>(phase)));
    found.started_at_ns = 5;
    if (phase == Phase::kTerminated) found.termination.set_reason(v1::LIMITATION_MEMORY);
    input.containers.push_back(found);
  }
  EXPECT_THAT(Run(input), ElementsAre("start p0", "kill p2", "clean p3"));

  EXPECT_EQ(Status("p1").state(), v1::RUNNING);
  EXPECT_THAT(Run(CleanUpFinished{ContainerId("p3"), {}}),
              ElementsAre("send 1#0 terminated p3 LIMITATION_MEMORY"));
  EXPECT_THAT(FinishDestroy("p2", {.wait_status = 3 << 8}),
              ElementsAre("send 1#0 terminated p2 EXITED"));
}

TEST_F(CoreTest, RequestsWithoutIdOrBodyAreRefused) {
  EXPECT_THAT(Ask({}), ElementsAre("send 1#1 refused 3"));
  EXPECT_THAT(Run(RequestReceived{1, {}}), ElementsAre("send 1#0 refused 3"));
}

}  // namespace
}  // namespace meros::containerizer
