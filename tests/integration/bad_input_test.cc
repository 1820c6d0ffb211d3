// Goal: bad input gets a clear answer, and the services go on. Method: real services, raw calls and
// command lines that are wrong in one way each; afterwards the same cluster must run a good task.
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "libs/rpc/channel.h"
#include "libs/testing/local_cluster.h"
#include "libs/testing/temp_dir.h"
#include "meros/v1/master/master_service.grpc.pb.h"
#include "meros/v1/scheduler/scheduler_service.grpc.pb.h"
#include "tests/integration/recording_scheduler.h"

namespace meros::integration {
namespace {

using meros::v1::TaskInfo;
using meros::v1::TaskStatus;
using meros::v1::scheduler::Call;

class BadInputTest : public ::testing::Test {
 protected:
  BadInputTest() : cluster_({.directory = directory_.path()}) {}

  void SetUp() override {
    const absl::Status status = cluster_.Start();
    ASSERT_TRUE(status.ok()) << status;
    driver_ = std::make_unique<sdk::SchedulerDriver>(
        &scheduler_, sdk::DriverOptions{.masters = {cluster_.master_address()},
                                        .framework = Framework("bad"),
                                        .tls = {.insecure = true}});
    ASSERT_TRUE(driver_->Start().ok());
  }

  void TearDown() override {
    EXPECT_TRUE(cluster_.master().running());
    EXPECT_TRUE(cluster_.agent().running());
    EXPECT_TRUE(cluster_.containerizer().running());
    EXPECT_TRUE(cluster_.allocator().running());
    EXPECT_TRUE(cluster_.registry().running());
    driver_->Stop();
    driver_.reset();
    const auto good = cluster_.Cli({"run", "-f", "--command", "echo fine"});
    EXPECT_EQ(good.out, "fine\n") << good.err;
  }

  grpc::Status CallOnce(const Call& call) {
    auto stub = meros::v1::scheduler::SchedulerService::NewStub(
        *rpc::MakeChannel(cluster_.master_address(), {.insecure = true}));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    meros::v1::scheduler::CallRequest request;
    *request.mutable_call() = call;
    meros::v1::scheduler::CallResponse response;
    return stub->Call(&context, request, &response);
  }

  // Launches one task on a fresh offer and returns its first terminal update.
  std::optional<TaskStatus> LaunchBad(const std::string& id,
                                      const std::function<void(TaskInfo*)>& spoil) {
    const auto offer = scheduler_.WaitOffer();
    if (!offer.has_value()) return std::nullopt;
    TaskInfo task = ShellTask(id, *offer, 0.5, 64, "true");
    spoil(&task);
    meros::v1::Filters now;
    now.set_refuse_seconds(0);
    driver_->LaunchTasks({offer->id()}, {task}, now);
    std::optional<TaskStatus> error = scheduler_.WaitState(id, meros::v1::TASK_ERROR);
    return error;
  }

  testing::TempDir directory_;
  testing::LocalCluster cluster_;
  RecordingScheduler scheduler_;
  std::unique_ptr<sdk::SchedulerDriver> driver_;
};

TEST_F(BadInputTest, UnknownFrameworkIsNotFound) {
  Call call;
  call.set_type(Call::KILL);
  call.mutable_framework_id()->set_value("nobody");
  call.mutable_kill()->mutable_task_id()->set_value("t");

  const grpc::Status status = CallOnce(call);

  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND) << status.error_message();
  EXPECT_TRUE(absl::StrContains(status.error_message(), "nobody")) << status.error_message();
}

TEST_F(BadInputTest, MalformedCallsNameTheField) {
  Call call;
  EXPECT_EQ(CallOnce(call).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  call.set_type(Call::KILL);
  call.mutable_framework_id()->set_value("f");
  const grpc::Status no_kill = CallOnce(call);
  EXPECT_EQ(no_kill.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_TRUE(absl::StrContains(no_kill.error_message(), "kill")) << no_kill.error_message();
  call.set_type(Call::ACKNOWLEDGE);
  call.mutable_acknowledge()->mutable_agent_id()->set_value("a");
  call.mutable_acknowledge()->mutable_task_id()->set_value("t");
  call.mutable_acknowledge()->set_uuid("short");
  const grpc::Status bad_uuid = CallOnce(call);
  EXPECT_EQ(bad_uuid.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_TRUE(absl::StrContains(bad_uuid.error_message(), "uuid")) << bad_uuid.error_message();
}

TEST_F(BadInputTest, AStaleOfferDropsTheLaunch) {
  const auto offer = scheduler_.WaitOffer();
  ASSERT_TRUE(offer.has_value());
  meros::v1::Filters now;
  now.set_refuse_seconds(0);
  driver_->DeclineOffer(offer->id(), now);

  driver_->LaunchTasks({offer->id()}, {ShellTask("t", *offer, 1, 64, "true")});

  const auto dropped = scheduler_.WaitState("t", meros::v1::TASK_DROPPED);
  ASSERT_TRUE(dropped.has_value());
  EXPECT_EQ(dropped->reason(), TaskStatus::REASON_INVALID_OFFERS);
}

TEST_F(BadInputTest, TheSameTaskIdTwiceIsAnErrorAndTheFirstRunsOn) {
  const auto offer = scheduler_.WaitOffer();
  ASSERT_TRUE(offer.has_value());
  meros::v1::Filters now;
  now.set_refuse_seconds(0);
  driver_->LaunchTasks({offer->id()}, {ShellTask("twin", *offer, 0.5, 64, "sleep 600")}, now);
  ASSERT_TRUE(scheduler_.WaitState("twin", meros::v1::TASK_RUNNING).has_value());

  const auto error = LaunchBad("twin", [](TaskInfo*) {});

  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->reason(), TaskStatus::REASON_TASK_INVALID);
  const auto shown = cluster_.Cli({"task", "twin"});
  EXPECT_TRUE(absl::StrContains(shown.out, "RUNNING")) << shown.out << shown.err;
}

TEST_F(BadInputTest, ImpossibleResourcesAreErrorsThatSaySo) {
  const std::vector<std::pair<std::string, double>> cases = {
      {"negative", -1},
      {"nan", std::nan("")},
      {"infinite", std::numeric_limits<double>::infinity()},
      {"too-much", 1000}};
  for (const auto& [id, cpus] : cases) {
    const auto error = LaunchBad(id, [cpus = cpus](TaskInfo* task) {
      task->mutable_resources(0)->mutable_scalar()->set_value(cpus);
    });
    ASSERT_TRUE(error.has_value()) << id;
    EXPECT_EQ(error->reason(), TaskStatus::REASON_TASK_INVALID) << id;
    EXPECT_FALSE(error->message().empty()) << id;
  }
}

TEST_F(BadInputTest, OtherBrokenTasksAreErrors) {
  const auto no_command = LaunchBad("no-command", [](TaskInfo* task) { task->clear_command(); });
  ASSERT_TRUE(no_command.has_value());
  const auto no_resources =
      LaunchBad("no-resources", [](TaskInfo* task) { task->clear_resources(); });
  ASSERT_TRUE(no_resources.has_value());
  const auto other_agent = LaunchBad(
      "other-agent", [](TaskInfo* task) { task->mutable_agent_id()->set_value("elsewhere"); });
  ASSERT_TRUE(other_agent.has_value());
  const auto bad_id = LaunchBad("a/b", [](TaskInfo*) {});
  ASSERT_TRUE(bad_id.has_value());
}

// Command lines and files. Each service must end at once with a sentence that names what is wrong.
class BadStartTest : public ::testing::Test {
 protected:
  struct Ended {
    int exit_code = -1;
    std::string text;
  };
  Ended Run(const std::string& binary, std::vector<std::string> arguments) {
    Ended ended;
    const std::string name = absl::StrCat("run-", ++runs_);
    auto process = testing::Process::Start({.name = name,
                                            .program = testing::BinaryPath(binary),
                                            .arguments = std::move(arguments),
                                            .log_dir = directory_.path()});
    if (!process.ok()) return ended;
    const auto status = (*process)->Wait(absl::Seconds(60));
    ended.text = (*process)->Output() + (*process)->Log();
    if (status.ok() && WIFEXITED(*status)) ended.exit_code = WEXITSTATUS(*status);
    return ended;
  }

  testing::TempDir directory_;
  int runs_ = 0;
};

TEST_F(BadStartTest, AnUnknownFlagIsNamed) {
  for (const char* binary : {"meros-registry", "meros-allocator", "meros-master", "meros-agent",
                             "meros-containerizer"}) {
    const Ended ended = Run(binary, {"--no_such_flag=1"});
    EXPECT_GT(ended.exit_code, 0) << binary;
    EXPECT_TRUE(absl::StrContains(ended.text, "no_such_flag")) << binary << ": " << ended.text;
  }
}

TEST_F(BadStartTest, AWrongTypeInTheConfigFileIsNamed) {
  const std::string file = directory_ / "bad.yaml";
  std::ofstream(file) << "metrics_port: [not, a, port]\n";
  for (const char* binary : {"meros-registry", "meros-allocator", "meros-master", "meros-agent",
                             "meros-containerizer"}) {
    const Ended ended = Run(binary, {"--config=" + file});
    EXPECT_GT(ended.exit_code, 0) << binary;
    EXPECT_TRUE(absl::StrContains(ended.text, "metrics_port")) << binary << ": " << ended.text;
  }
}

TEST_F(BadStartTest, PlaintextMustBeAskedFor) {
  const Ended ended = Run("meros-registry", {"--address=127.0.0.1:0", "--metrics_port=0",
                                             "--store=sqlite:" + (directory_ / "r.db")});
  EXPECT_GT(ended.exit_code, 0);
  EXPECT_TRUE(absl::StrContains(ended.text, "insecure")) << ended.text;
}

TEST_F(BadStartTest, ADirectoryWhereTheSocketShouldBe) {
  const std::string socket = directory_ / "c.sock";
  ASSERT_EQ(mkdir(socket.c_str(), 0700), 0);
  const Ended ended =
      Run("meros-containerizer", {"--socket=" + socket, "--metrics_port=0", "--launcher=posix",
                                  "--runtime_dir=" + (directory_ / "runtime")});
  EXPECT_GT(ended.exit_code, 0);
  EXPECT_TRUE(absl::StrContains(ended.text, "directory")) << ended.text;
}

TEST_F(BadStartTest, AMasterThatDoesNotAnswerIsNamed) {
  const Ended ended = Run("meros", {"ps", "--insecure", "--master=127.0.0.1:1", "--timeout=1"});
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_TRUE(absl::StrContains(ended.text, "127.0.0.1:1")) << ended.text;
}

}  // namespace
}  // namespace meros::integration
