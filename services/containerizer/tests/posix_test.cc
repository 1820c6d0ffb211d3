// Goal: the posix launcher works without root, and says that it does not isolate. Method: as root,
// the test gives up root first, once for the whole process.
#include <gmock/gmock.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "services/containerizer/shell/container_host.h"
#include "services/containerizer/tests/host_fixture.h"

namespace meros::containerizer {
namespace {

using ::testing::HasSubstr;

// A copy of meros-init that anybody may execute: the build may lie in a directory of root's alone.
std::string PublicInit() {
  static const std::string* const path = [] {
    char directory[] = "/tmp/meros-init-XXXXXX";
    EXPECT_NE(::mkdtemp(directory), nullptr);
    auto* copy = new std::string(absl::StrCat(directory, "/meros-init"));
    std::filesystem::copy_file(absl::StrCat(::getenv("MEROS_BIN_DIR"), "/meros-init"), *copy);
    ::chmod(directory, 0755);
    return copy;
  }();
  return *path;
}

void GiveUpRoot() {
  PublicInit();
  if (::geteuid() != 0) return;
  const struct passwd* const nobody = ::getpwnam("nobody");
  ASSERT_NE(nobody, nullptr);
  ASSERT_EQ(::setgroups(0, nullptr), 0);
  ASSERT_EQ(::setresgid(nobody->pw_gid, nobody->pw_gid, nobody->pw_gid), 0);
  ASSERT_EQ(::setresuid(nobody->pw_uid, nobody->pw_uid, nobody->pw_uid), 0);
}

class PosixTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { GiveUpRoot(); }

  void SetUp() override { StartHost(); }
  void TearDown() override {
    host_.reset();
    EXPECT_EQ(ProcessesWith(directory_.path()), std::vector<int>());
  }

  void StartHost() {
    host_.reset();
    HostOptions options;
    options.runtime_dir = directory_.At("runtime");
    options.launcher = "auto";
    options.init_program = PublicInit();
    auto host = ContainerHost::Start(options, &metrics_, [this](StreamId, v1::Responses frame) {
      client_.Receive(std::move(frame));
    });
    ASSERT_TRUE(host.ok()) << host.status();
    host_ = *std::move(host);
    host_->StreamOpened(1);
  }

  template <typename Fill>
  v1::Response Ask(Fill fill) {
    v1::Request request;
    request.set_request_id(++request_id_);
    fill(&request);
    EXPECT_TRUE(host_->Submit(1, request));
    return client_.AwaitAnswer(request_id_);
  }
  v1::Response Launch(const std::string& id, const std::string& line,
                      const std::string& user = "") {
    return Ask([&](v1::Request* r) {
      *r->mutable_launch()->mutable_spec() = ShellSpec(id, line, directory_.Sandbox(id));
      r->mutable_launch()->mutable_spec()->set_user(user);
    });
  }

  TestDirectory directory_;
  telemetry::MetricRegistry registry_{"containerizer"};
  HostMetrics metrics_{&registry_};
  TestClient client_;
  std::unique_ptr<ContainerHost> host_;
  uint64_t request_id_ = 0;
};

TEST_F(PosixTest, RunsAndSaysThatItDoesNotIsolate) {
  EXPECT_EQ(host_->launcher_kind(), v1::LAUNCHER_POSIX);
  EXPECT_THAT(host_->no_isolation_because(), HasSubstr("root"));

  const v1::Response launched = Launch("c", "echo hello; exit 3");

  EXPECT_FALSE(launched.launch().status().isolated());
  EXPECT_EQ(client_.AwaitTerminated("c").exit_code(), 3u);
  EXPECT_EQ(directory_.Output("c"), "hello\n");
}

TEST_F(PosixTest, DestroyKillsTheWholeTree) {
  Launch("c", absl::StrCat("cd ", directory_.path(), "; setsid sh -c 'sleep 1000; true ",
                           directory_.path(), "' & echo ready; sleep 1000"));
  client_.AwaitStarted("c");
  directory_.AwaitOutput("c", "ready");

  Ask([](v1::Request* r) { r->mutable_destroy()->set_container_id("c"); });

  const v1::Termination end = client_.AwaitTerminated("c");
  EXPECT_EQ(end.reason(), v1::REQUESTED);
  EXPECT_EQ(end.signal(), static_cast<uint32_t>(SIGKILL));
}

TEST_F(PosixTest, GraceAndAdoptionWorkToo) {
  Launch("c", "trap 'exit 4' TERM; echo ready; while :; do sleep 1; done");
  const uint32_t pid = client_.AwaitStarted("c").pid();
  directory_.AwaitOutput("c", "ready");

  StartHost();

  const v1::Response list = Ask([](v1::Request* r) { r->mutable_list(); });
  EXPECT_EQ(list.list().containers(0).pid(), pid);
  Ask([](v1::Request* r) {
    r->mutable_stop()->set_container_id("c");
    r->mutable_stop()->set_grace_ms(20000);
  });
  EXPECT_EQ(client_.AwaitTerminated("c").exit_code(), 4u);
}

TEST_F(PosixTest, CannotBecomeAnotherUser) {
  Launch("c", "true", "root");

  const v1::Termination end = client_.AwaitTerminated("c");

  EXPECT_EQ(end.reason(), v1::LAUNCH_FAILED);
  EXPECT_THAT(end.message(), HasSubstr("cannot run as user root"));
}

}  // namespace
}  // namespace meros::containerizer
