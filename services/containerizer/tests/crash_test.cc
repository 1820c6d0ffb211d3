// Goal: the real program, killed with SIGKILL at random moments while it launches, runs and takes
// down containers, loses none of them, runs none twice and leaves nothing behind. Method: a client
// over the real socket that connects again and repeats what was not answered. Needs root.
#include <gmock/gmock.h>

#include "libs/base/rng.h"
#include "libs/rpc/bidi_client_stream.h"
#include "libs/rpc/channel.h"
#include "libs/testing/process.h"
#include "meros/containerizer/v1/containerizer.grpc.pb.h"
#include "services/containerizer/tests/host_fixture.h"

namespace meros::containerizer {
namespace {

// One connection to the containerizer.
class Session {
 public:
  explicit Session(const std::string& address) {
    // Every session gets a connection of its own; channels to one address would be shared.
    static int group = 0;
    auto channel = rpc::MakeChannel(address, {.insecure = true}, {.connection_group = ++group});
    stub_ = v1::ContainerizerService::NewStub(*channel);
    stream_ = Stream::Create();
    stub_->async()->Connect(stream_->context(), stream_->reactor());
    stream_->Start({.on_frame = [this](v1::Responses f) { client_.Receive(std::move(f)); },
                    .on_closed =
                        [this](const absl::Status&) {
                          MutexLock lock(&mutex_);
                          closed_ = true;
                          changed_.Signal();
                        }});
  }
  ~Session() {
    stream_->Cancel();
    MutexLock lock(&mutex_);
    while (!closed_) changed_.Wait(&mutex_);  // gRPC has no use for a stream that outlives main
  }

  TestClient& client() { return client_; }

  template <typename Fill>
  uint64_t Post(Fill fill) {
    v1::Requests frame;
    v1::Request* const request = frame.add_requests();
    request->set_request_id(++request_id_);
    fill(request);
    stream_->Send(std::move(frame));
    return request_id_;
  }
  template <typename Fill>
  v1::Response Ask(Fill fill) {
    return client_.AwaitAnswer(Post(fill));
  }

 private:
  using Stream = rpc::BidiClientStream<v1::Requests, v1::Responses>;

  TestClient client_;
  Mutex mutex_;
  CondVar changed_;
  bool closed_ MEROS_GUARDED_BY(mutex_) = false;
  std::unique_ptr<v1::ContainerizerService::Stub> stub_;
  std::shared_ptr<Stream> stream_;
  uint64_t request_id_ = 0;
};

class CrashTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: containers with isolation need root";
    StartProcess();
  }
  void TearDown() override {
    if (process_ == nullptr) return;
    EXPECT_TRUE(process_->Stop(kTestDeadline).ok());
    ExpectNothingLeft(root_, directory_.path());
    EXPECT_TRUE(os::DetectCgroups(root_).value()->RemoveRoot().ok());
  }

  void StartProcess() {
    auto process = testing::Process::Start(
        {.name = "containerizer",
         .program = testing::BinaryPath("meros-containerizer"),
         .arguments = {"--socket=" + directory_.At("c.sock"), "--metrics_port=0",
                       "--runtime_dir=" + directory_.At("runtime"), "--cgroups_root=" + root_,
                       "--launcher=linux"},
         .log_dir = directory_.path()});
    ASSERT_TRUE(process.ok()) << process.status();
    process_ = *std::move(process);
    const absl::Status ready = process_->WaitReady(kTestDeadline);
    ASSERT_TRUE(ready.ok()) << ready;
  }
  std::string address() const { return "unix:" + directory_.At("c.sock"); }

  // The containers that the containerizer knows, terminated ones too, by id.
  std::map<std::string, v1::ContainerStatus> List(Session* session) {
    std::map<std::string, v1::ContainerStatus> known;
    const v1::Response answer = session->Ask([](v1::Request* r) { r->mutable_list(); });
    for (const v1::ContainerStatus& status : answer.list().containers()) {
      known[status.container_id()] = status;
    }
    return known;
  }

  const std::string root_ = absl::StrCat("meros-crash-test-", ::getpid());
  TestDirectory directory_;
  std::unique_ptr<testing::Process> process_;
};

TEST_F(CrashTest, RunningContainerKeepsItsPidAndExitStatus) {
  uint32_t pid = 0;
  {
    Session session(address());
    session.Ask([&](v1::Request* r) {
      *r->mutable_launch()->mutable_spec() =
          ShellSpec("c", "sleep 1; exit 8", directory_.Sandbox("c"));
    });
    pid = session.client().AwaitStarted("c").pid();
    process_->Kill();
  }
  StartProcess();
  Session session(address());

  v1::ContainerStatus known = List(&session)["c"];
  EXPECT_EQ(known.pid(), pid);
  // Only a stream that was open then is told of the end, and it may be over by now.
  const absl::Time give_up = absl::Now() + kTestDeadline;
  while (!known.has_termination() && absl::Now() < give_up) {
    known = List(&session)["c"];
    absl::SleepFor(absl::Milliseconds(20));
  }
  EXPECT_EQ(known.termination().exit_code(), 8u);
  session.Ask([](v1::Request* r) { r->mutable_remove()->set_container_id("c"); });
}

TEST_F(CrashTest, NothingIsLostOrRunTwiceHoweverOftenItIsKilled) {
  constexpr int kRounds = 12;
  constexpr int kLaunchesPerRound = 8;
  Rng rng(20261121);
  std::map<std::string, v1::LaunchSpec> specs;
  for (int round = 0; round < kRounds; ++round) {
    auto session = std::make_unique<Session>(address());
    const auto known = List(session.get());
    // What the killed one may not have heard is said again; it must not run a second time.
    for (const auto& [id, spec] : specs) {
      session->Post([&spec](v1::Request* r) { *r->mutable_launch()->mutable_spec() = spec; });
    }
    for (int i = 0; i < kLaunchesPerRound; ++i) {
      const std::string id = absl::StrCat("c", round, "-", i);
      specs[id] =
          ShellSpec(id, absl::StrCat("echo ran; sleep 0.0", rng.Uniform(0, 9), "; exit ", i),
                    directory_.Sandbox(id));
      session->Post([&](v1::Request* r) { *r->mutable_launch()->mutable_spec() = specs[id]; });
    }
    absl::SleepFor(absl::Microseconds(static_cast<int64_t>(rng.Uniform(0, 60000))));
    process_->Kill();
    session.reset();
    StartProcess();
  }

  Session session(address());
  for (const auto& [id, spec] : specs) {
    session.Ask([&spec](v1::Request* r) { *r->mutable_launch()->mutable_spec() = spec; });
  }
  const absl::Time give_up = absl::Now() + kTestDeadline;
  std::map<std::string, v1::ContainerStatus> known;
  size_t terminated = 0;
  while (terminated < specs.size() && absl::Now() < give_up) {
    known = List(&session);
    terminated = 0;
    for (const auto& [id, status] : known) terminated += status.has_termination() ? 1 : 0;
    absl::SleepFor(absl::Milliseconds(20));
  }
  int interrupted = 0;
  for (const auto& [id, spec] : specs) {
    const v1::Termination& end = known[id].termination();
    const std::string output = directory_.Output(id);
    if (end.reason() == v1::LAUNCH_FAILED) {
      // The one window in which we cannot know, and rather do nothing than do it twice.
      ++interrupted;
      EXPECT_THAT(end.message(), ::testing::HasSubstr("interrupted"));
      EXPECT_TRUE(output.empty() || output == "ran\n") << output;
    } else {
      EXPECT_EQ(end.reason(), v1::EXITED) << id << ": " << end.message();
      EXPECT_EQ(absl::StrCat("exit ", end.exit_code()),
                spec.command().value().substr(spec.command().value().rfind("exit ")));
      EXPECT_EQ(output, "ran\n") << id;
    }
    session.Ask([id = id](v1::Request* r) { r->mutable_remove()->set_container_id(id); });
  }
  EXPECT_LE(interrupted, kRounds);
  EXPECT_TRUE(List(&session).empty());
}

TEST_F(CrashTest, SecondContainerizerIsRefusedAndFirstGoesOn) {
  auto second = testing::Process::Start(
      {.name = "second",
       .program = testing::BinaryPath("meros-containerizer"),
       .arguments = {"--socket=" + directory_.At("other.sock"), "--metrics_port=0",
                     "--runtime_dir=" + directory_.At("other"), "--cgroups_root=" + root_},
       .log_dir = directory_.path()});
  ASSERT_TRUE(second.ok());

  EXPECT_EQ((*second)->Wait(kTestDeadline).value_or(0), 1 << 8);
  EXPECT_TRUE(absl::StrContains((*second)->Log(), "cannot be claimed")) << (*second)->Log();
  Session session(address());
  EXPECT_TRUE(List(&session).empty());
}

}  // namespace
}  // namespace meros::containerizer
