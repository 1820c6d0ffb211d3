// Goal: an agent that lies is not believed, and harms nobody but itself. Method: a real cluster
// that runs a task, and beside its agent one that is written here, which says to the real master
// over gRPC what is not so; the honest agent's task runs on, its session too, and no leader
// changes.
#include <chrono>
#include <fstream>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/rpc/channel.h"
#include "libs/testing/http_get.h"
#include "libs/testing/local_cluster.h"
#include "libs/testing/temp_dir.h"
#include "meros/agent_link/v1/agent_link.grpc.pb.h"
#include "meros/v1/master/master_service.grpc.pb.h"
#include "tests/integration/recording_scheduler.h"

namespace meros::integration {
namespace {

namespace link = ::meros::agent_link::v1;
using ::testing::HasSubstr;

constexpr absl::Duration kLimit = absl::Seconds(60);
constexpr char kTask[] = "honest";

// A session of the liar.
class Session {
 public:
  explicit Session(const std::string& master)
      : stub_(link::AgentLinkService::NewStub(*rpc::MakeChannel(master, {.insecure = true}))) {
    context_.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    stream_ = stub_->Connect(&context_);
  }
  ~Session() { context_.TryCancel(); }

  void Say(const link::AgentMessage& message) {
    link::AgentFrame frame;
    *frame.add_messages() = message;
    stream_->Write(frame);
  }
  // The first message that is wanted; nothing if the stream ends before.
  std::optional<link::MasterMessage> Hear(link::MasterMessage::BodyCase wanted) {
    link::MasterFrame frame;
    while (stream_->Read(&frame)) {
      for (const link::MasterMessage& message : frame.messages()) {
        if (message.body_case() == wanted) return message;
      }
    }
    return std::nullopt;
  }
  // How the master ends the stream, after all it has to say.
  grpc::Status End() {
    link::MasterFrame frame;
    while (stream_->Read(&frame)) {
    }
    return stream_->Finish();
  }

 private:
  std::unique_ptr<link::AgentLinkService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<link::AgentFrame, link::MasterFrame>> stream_;
};

void AddScalar(const char* name, double amount, meros::v1::Resource* resource) {
  resource->set_name(name);
  resource->set_type(meros::v1::Value::SCALAR);
  resource->mutable_scalar()->set_value(amount);
}

class LyingAgentTest : public ::testing::Test {
 protected:
  LyingAgentTest() : cluster_({.directory = directory_.path()}) {}

  void SetUp() override {
    const absl::Status status = cluster_.Start();
    ASSERT_TRUE(status.ok()) << status;
    driver_ = std::make_unique<sdk::SchedulerDriver>(
        &scheduler_, sdk::DriverOptions{.masters = {cluster_.master_address()},
                                        .framework = Framework("lied-to"),
                                        .tls = {.insecure = true}});
    ASSERT_TRUE(driver_->Start().ok());
    const auto offer = scheduler_.WaitOffer();
    ASSERT_TRUE(offer.has_value());
    honest_id_ = offer->agent_id().value();
    const std::string go = directory_ / "go";
    driver_->LaunchTasks({offer->id()},
                         {ShellTask(kTask, *offer, 0.5, 64,
                                    absl::StrCat("while [ ! -e ", go, " ]; do sleep 0.1; done"))});
    ASSERT_TRUE(scheduler_.WaitState(kTask, meros::v1::TASK_RUNNING).has_value());
    epoch_ = Leadership().epoch();
    Admit();
  }

  // Whatever was said: the honest task comes to its own end, told once.
  void TearDown() override {
    if (liar_id_.empty()) return;  // it has not begun
    std::ofstream(directory_ / "go").put('x');
    EXPECT_TRUE(scheduler_.WaitState(kTask, meros::v1::TASK_FINISHED).has_value());
    std::multiset<meros::v1::TaskState> told;
    for (const auto& update : scheduler_.updates(kTask)) {
      told.insert(update.state());
      EXPECT_EQ(update.agent_id().value(), honest_id_);
    }
    EXPECT_EQ(told.count(meros::v1::TASK_RUNNING), 1u);
    EXPECT_EQ(told.count(meros::v1::TASK_FINISHED), 1u);
    const auto now = Leadership();
    EXPECT_TRUE(now.leading());
    EXPECT_EQ(now.epoch(), epoch_);
    const auto honest = cluster_.Cli({"agent", "show", honest_id_});
    EXPECT_THAT(honest.out, HasSubstr("CONNECTED")) << honest.err;
    driver_->Stop();
  }

  meros::v1::master::GetMasterResponse Leadership() {
    auto stub = meros::v1::master::MasterService::NewStub(
        *rpc::MakeChannel(cluster_.master_address(), {.insecure = true}));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    meros::v1::master::GetMasterResponse response;
    EXPECT_TRUE(stub->GetMaster(&context, {}, &response).ok());
    return response;
  }

  std::unique_ptr<Session> NewSession() {
    return std::make_unique<Session>(cluster_.master_address());
  }
  static void Describe(link::Register* agent) {
    agent->set_registration_key("the liar's");
    agent->set_version("0.1.0");
    agent->set_resource_version_uuid("0123456789abcdef");
    agent->mutable_info()->set_hostname("liar");
    AddScalar("cpus", 4, agent->mutable_info()->add_resources());
    AddScalar("mem", 4096, agent->mutable_info()->add_resources());
  }
  // The liar begins as any agent does.
  void Admit() {
    link::AgentMessage message;
    Describe(message.mutable_register_());
    const auto session = NewSession();
    session->Say(message);
    const auto registered = session->Hear(link::MasterMessage::kRegistered);
    ASSERT_TRUE(registered.has_value());
    liar_id_ = registered->registered().agent_id();
    ASSERT_NE(liar_id_, honest_id_);
  }
  // What it says when it comes back as `id`, with nothing of the framework's.
  link::AgentMessage ReturnAs(const std::string& id) {
    link::AgentMessage message;
    link::Reregister* again = message.mutable_reregister();
    Describe(again->mutable_agent());
    again->mutable_agent()->mutable_info()->mutable_id()->set_value(id);
    meros::v1::FrameworkInfo* framework = again->add_frameworks();
    framework->mutable_id()->set_value(scheduler_.framework_id());
    framework->set_name("lied-to");
    framework->set_user("root");
    framework->add_roles("*");
    framework->add_capabilities()->set_type(meros::v1::FrameworkInfo::Capability::MULTI_ROLE);
    return message;
  }
  // With a task that it never got, of its own agent.
  void AddTask(const std::string& id, double cpus, link::AgentMessage* message) {
    meros::v1::Task* task = message->mutable_reregister()->add_tasks();
    task->set_name(id);
    task->mutable_task_id()->set_value(id);
    task->mutable_framework_id()->set_value(scheduler_.framework_id());
    task->mutable_agent_id()->set_value(liar_id_);
    task->set_state(meros::v1::TASK_RUNNING);
    AddScalar("cpus", cpus, task->add_resources());
    task->mutable_resources(0)->mutable_allocation_info()->set_role("*");
  }

  // Lies of this kind that the master has noticed.
  bool AreCounted(const std::string& what, int times) {
    const std::string line =
        absl::StrCat("meros_master_agent_disputes_total{what=\"", what, "\"} ", times, "\n");
    return testing::Eventually(kLimit, [&] {
      return testing::HttpGet(cluster_.master().metrics_port(), "/metrics").find(line) !=
             std::string::npos;
    });
  }

  testing::TempDir directory_;
  testing::LocalCluster cluster_;
  RecordingScheduler scheduler_;
  std::unique_ptr<sdk::SchedulerDriver> driver_;
  std::string honest_id_;
  std::string liar_id_;
  uint64_t epoch_ = 0;
};

TEST_F(LyingAgentTest, AnothersTaskStaysWhereItIs) {
  link::AgentMessage message = ReturnAs(liar_id_);
  AddTask(kTask, 0.5, &message);
  const auto session = NewSession();

  session->Say(message);

  const auto kill = session->Hear(link::MasterMessage::kKillTask);
  ASSERT_TRUE(kill.has_value());
  EXPECT_EQ(kill->kill_task().task_id(), kTask);
  EXPECT_TRUE(AreCounted("task", 1));
}

TEST_F(LyingAgentTest, AnothersIdIsNotGivenAway) {
  const auto session = NewSession();

  session->Say(ReturnAs(honest_id_));

  const grpc::Status status = session->End();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED) << status.error_message();
  EXPECT_TRUE(AreCounted("id", 1));
}

TEST_F(LyingAgentTest, ATotalThatDoesNotHoldWhatRunsEndsItsOwnSession) {
  link::AgentMessage message = ReturnAs(liar_id_);
  AddTask("never launched", 3, &message);
  const auto session = NewSession();
  session->Say(message);
  ASSERT_TRUE(session->Hear(link::MasterMessage::kRegistered).has_value());
  link::AgentMessage shrunk;
  AddScalar("cpus", 1, shrunk.mutable_agent_update()->add_total());
  shrunk.mutable_agent_update()->set_resource_version_uuid("0123456789abcdef");

  session->Say(shrunk);

  const grpc::Status status = session->End();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
  EXPECT_THAT(status.error_message(), HasSubstr("do not hold what is used"));
  EXPECT_TRUE(AreCounted("total", 1));
}

TEST_F(LyingAgentTest, OneExecutorTwiceIsRefusedByName) {
  link::AgentMessage message = ReturnAs(liar_id_);
  for (int i = 0; i < 2; ++i) {
    meros::v1::ExecutorInfo* executor = message.mutable_reregister()->add_executors();
    executor->mutable_executor_id()->set_value("twin");
    executor->mutable_framework_id()->set_value(scheduler_.framework_id());
  }
  const auto session = NewSession();

  session->Say(message);

  const grpc::Status status = session->End();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
  EXPECT_THAT(status.error_message(), HasSubstr("executor_id: is reported twice: twin"));
}

}  // namespace
}  // namespace meros::integration
