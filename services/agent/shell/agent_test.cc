// Goal: the whole agent in one process, over real sockets and a real disk: a task's life, restarts
// of each neighbour and of the agent, a full disk, sandboxes and their files. Method: a fake master
// and a fake containerizer; the agent is stopped and started on the same work directory. Waiting is
// for events with a deadline, never for a time.
#include "services/agent/shell/agent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "libs/rpc/channel.h"
#include "libs/rpc/testing/silent_server.h"
#include "libs/storage/sqlite_store.h"
#include "libs/testing/matchers.h"
#include "libs/testing/process.h"
#include "libs/testing/temp_dir.h"
#include "services/agent/shell/agent_service.h"
#include "services/agent/shell/testing/fake_containerizer.h"
#include "services/agent/shell/testing/fake_master.h"

namespace meros::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::StatusIs;

std::vector<v1::TaskState> States(const std::vector<v1::TaskStatus>& updates) {
  std::vector<v1::TaskState> states;
  for (const v1::TaskStatus& status : updates) states.push_back(status.state());
  return states;
}

// A store whose disk the test fills.
class BlockedStore final : public storage::Store {
 public:
  BlockedStore(std::unique_ptr<storage::Store> store, std::atomic<bool>* is_full)
      : store_(std::move(store)), is_full_(is_full) {}
  absl::Status Commit(absl::Span<const storage::Mutation> batch) override {
    if (*is_full_) return absl::ResourceExhaustedError("no space left on device");
    return store_->Commit(batch);
  }
  absl::StatusOr<std::optional<std::string>> Get(absl::string_view key) override {
    return store_->Get(key);
  }
  absl::StatusOr<std::vector<storage::Row>> List(absl::string_view prefix) override {
    return store_->List(prefix);
  }
  absl::Status Close() override { return store_->Close(); }

 private:
  const std::unique_ptr<storage::Store> store_;
  std::atomic<bool>* const is_full_;
};

// One run of an agent process.
struct Life {
  Life(const std::string& directory, const std::vector<std::string>& masters,
       std::atomic<bool>* is_full)
      : registry("agent"),
        metrics(&registry),
        sandboxes({.work_dir = directory}),
        followers({.poll_interval = absl::Milliseconds(5)},
                  [this](const std::string& path) { return sandboxes.IsLive(path); }),
        service(&sandboxes, &followers) {
    auto store = storage::OpenSqliteStore({.path = directory + "/checkpoint.db"});
    EXPECT_THAT(store, IsOk());
    AgentOptions options;
    options.info.set_hostname("node");
    options.work_dir = directory;
    options.switch_user = false;
    options.update_retry_initial = absl::Milliseconds(200);
    agent = std::make_unique<Agent>(
        AgentParts{.core = options,
                   .link = {.masters = masters, .tls = {.insecure = true}},
                   .containerizer_address = "unix:" + directory + "/c.sock",
                   .store = std::make_unique<BlockedStore>(*std::move(store), is_full),
                   .commits = {.retry_delay = absl::Milliseconds(20)},
                   .seed = 1,
                   .sandboxes = &sandboxes,
                   .metrics = &metrics,
                   .on_exit = [this](absl::Status status) {
                     exit_status = status;
                     has_exited = true;
                   }});
    server =
        *rpc::Server::Start({.addresses = {"127.0.0.1:0"}, .tls = {.insecure = true}}, {&service});
    EXPECT_THAT(agent->Start(), IsOk());
    service.SetAgent(agent.get());
  }
  ~Life() {
    followers.Stop();
    server->Shutdown(absl::ZeroDuration());
    agent->Stop();
  }

  std::unique_ptr<api::AgentService::Stub> Stub() {
    return api::AgentService::NewStub(
        *rpc::MakeChannel(absl::StrCat("127.0.0.1:", server->port(0)), {.insecure = true}));
  }

  telemetry::MetricRegistry registry;
  AgentMetrics metrics;
  SandboxStore sandboxes;
  FileFollowers followers;
  AgentService service;
  std::unique_ptr<rpc::Server> server;
  std::unique_ptr<Agent> agent;
  std::atomic<bool> has_exited{false};
  absl::Status exit_status;
};

class AgentTest : public ::testing::Test {
 protected:
  AgentTest() : containerizer_(directory_.path() + "/c.sock") {
    EXPECT_THAT(master_.Serve(), IsOk());
    EXPECT_THAT(containerizer_.Serve(), IsOk());
  }

  void StartAgent() { StartAgent({master_.address()}); }
  void StartAgent(const std::vector<std::string>& masters) {
    life_.reset();
    life_ = std::make_unique<Life>(directory_.path(), masters, &is_full_);
  }

  template <typename Done>
  static bool Eventually(Done done) {
    return testing::Eventually(absl::Seconds(60), done);
  }

  api::SandboxPath PathOf(const std::string& task, const std::string& path) {
    api::SandboxPath out;
    out.mutable_framework_id()->set_value("F");
    out.mutable_task_id()->set_value(task);
    out.set_path(path);
    return out;
  }

  testing::TempDir directory_;
  std::atomic<bool> is_full_{false};
  FakeMaster master_;
  FakeContainerizer containerizer_;
  std::unique_ptr<Life> life_;
};

TEST_F(AgentTest, RunsATaskFromLaunchToAcknowledgedEnd) {
  StartAgent();
  ASSERT_TRUE(master_.WaitForRegistrations(1));

  master_.Run("t1", "exit 7");
  const auto spec = containerizer_.WaitForLaunch("t1");
  containerizer_.Exit("t1", 7);
  const auto updates = master_.WaitForUpdates("t1", 3);

  EXPECT_TRUE(std::filesystem::is_directory(spec.sandbox_directory()));
  EXPECT_THAT(States(updates), ElementsAre(v1::TASK_STARTING, v1::TASK_RUNNING, v1::TASK_FAILED));
  EXPECT_EQ(updates.back().exit_code(), 7);
  EXPECT_EQ(updates[1].container_status().executor_pid(), 4242u);
  EXPECT_TRUE(Eventually([&] { return containerizer_.container_count() == 0; }));
}

TEST_F(AgentTest, SendsHeartbeats) {
  StartAgent();

  EXPECT_TRUE(Eventually([&] { return master_.heartbeats() >= 3; }));
}

TEST_F(AgentTest, RestartedKeepsIdAndTask) {
  StartAgent();
  ASSERT_TRUE(master_.WaitForRegistrations(1));
  const std::string key = master_.last_registration().registration_key();
  master_.Run("t1", "sleep 40");
  master_.WaitForUpdates("t1", 2);

  StartAgent();
  ASSERT_TRUE(master_.WaitForRegistrations(2));
  containerizer_.Exit("t1", 0);
  const auto updates = master_.WaitForUpdates("t1", 3);

  EXPECT_EQ(master_.last_registration().info().id().value(), "agent-1");
  EXPECT_EQ(master_.last_registration().registration_key(), key);
  EXPECT_EQ(containerizer_.launches(), 1);
  EXPECT_THAT(States(updates), ElementsAre(v1::TASK_STARTING, v1::TASK_RUNNING, v1::TASK_FINISHED));
}

TEST_F(AgentTest, ContainerizerMayRestartWhileTasksRun) {
  StartAgent();
  ASSERT_TRUE(master_.WaitForRegistrations(1));
  master_.Run("t1", "sleep 40");
  master_.WaitForUpdates("t1", 2);

  containerizer_.Stop();
  containerizer_.Exit("t1", 0);
  ASSERT_THAT(containerizer_.Serve(), IsOk());
  const auto updates = master_.WaitForUpdates("t1", 3);

  EXPECT_THAT(States(updates), ElementsAre(v1::TASK_STARTING, v1::TASK_RUNNING, v1::TASK_FINISHED));
}

TEST_F(AgentTest, WaitsForTheContainerizerBeforeItRegisters) {
  containerizer_.Stop();
  StartAgent();
  EXPECT_TRUE(Eventually([&] { return life_->agent->state() == AgentState::kRecovering; }));

  ASSERT_THAT(containerizer_.Serve(), IsOk());

  EXPECT_TRUE(master_.WaitForRegistrations(1));
}

TEST_F(AgentTest, FollowsTheHintToTheLeader) {
  FakeMaster follower;
  ASSERT_THAT(follower.Serve(), IsOk());
  follower.FollowLeader(master_.address());

  StartAgent({follower.address()});

  EXPECT_TRUE(master_.WaitForRegistrations(1));
}

TEST_F(AgentTest, TriesTheNextMasterWhenOneDoesNotAnswer) {
  StartAgent({"127.0.0.1:1", master_.address()});

  EXPECT_TRUE(master_.WaitForRegistrations(1));
}

TEST_F(AgentTest, IsConnectedToMastersThatItHasNeverDialled) {
  rpc::SilentServer standby;
  standby.Listen();

  StartAgent({master_.address(), standby.address()});

  ASSERT_TRUE(master_.WaitForRegistrations(1));
  EXPECT_TRUE(Eventually([&] { return standby.open() == 1; }));
}

TEST_F(AgentTest, FullDiskDelaysLaunchesAndLosesNothing) {
  StartAgent();
  ASSERT_TRUE(master_.WaitForRegistrations(1));
  EXPECT_TRUE(Eventually([&] { return life_->agent->state() == AgentState::kRunning; }));
  is_full_ = true;
  master_.Run("t1", "true");
  telemetry::Health health;
  life_->agent->AddChecks(&health);
  EXPECT_TRUE(Eventually([&] { return !health.Readiness().is_ok; }));
  const int heartbeats = master_.heartbeats();
  EXPECT_TRUE(Eventually([&] { return master_.heartbeats() > heartbeats; }));
  EXPECT_EQ(containerizer_.launches(), 0);

  is_full_ = false;

  EXPECT_EQ(States(master_.WaitForUpdates("t1", 2)).back(), v1::TASK_RUNNING);
  EXPECT_EQ(containerizer_.launches(), 1);
}

TEST_F(AgentTest, ShutdownEndsTasksAndTheProcessAndForgetsTheId) {
  StartAgent();
  ASSERT_TRUE(master_.WaitForRegistrations(1));
  master_.Run("t1", "sleep 40");
  master_.WaitForUpdates("t1", 2);

  agent_link::v1::MasterMessage message;
  message.mutable_shutdown()->set_reason("gone");
  master_.Say(std::move(message));

  EXPECT_TRUE(Eventually([&] { return life_->has_exited.load(); }));
  EXPECT_THAT(life_->exit_status, IsOk());
  StartAgent();
  ASSERT_TRUE(master_.WaitForRegistrations(2));
  EXPECT_FALSE(master_.last_registration().info().has_id());
}

TEST_F(AgentTest, ServesContainersStatisticsAndFiles) {
  StartAgent();
  ASSERT_TRUE(master_.WaitForRegistrations(1));
  master_.Run("t1", "echo hello");
  const auto spec = containerizer_.WaitForLaunch("t1");
  master_.WaitForUpdates("t1", 2);
  std::ofstream(spec.sandbox_directory() + "/stdout") << "hello\n";
  auto stub = life_->Stub();

  grpc::ClientContext list_context, stats_context, read_context, browse_context;
  api::ListContainersResponse list;
  ASSERT_TRUE(stub->ListContainers(&list_context, {}, &list).ok());
  ASSERT_EQ(list.containers_size(), 1);
  api::GetContainerStatsRequest stats_request;
  *stats_request.mutable_container_id() = list.containers(0).container_id();
  api::GetContainerStatsResponse stats;
  ASSERT_TRUE(stub->GetContainerStats(&stats_context, stats_request, &stats).ok());
  api::ReadFileRequest read_request;
  *read_request.mutable_path() = PathOf("t1", "stdout");
  api::ReadFileResponse read;
  ASSERT_TRUE(stub->ReadFile(&read_context, read_request, &read).ok());
  api::BrowseFilesRequest browse_request;
  *browse_request.mutable_path() = PathOf("t1", "");
  api::BrowseFilesResponse browse;
  ASSERT_TRUE(stub->BrowseFiles(&browse_context, browse_request, &browse).ok());

  EXPECT_EQ(list.containers(0).task_id().value(), "t1");
  EXPECT_EQ(stats.statistics().mem_rss_bytes(), 4096u);
  EXPECT_EQ(read.data(), "hello\n");
  ASSERT_EQ(browse.files_size(), 1);
  EXPECT_EQ(browse.files(0).path(), "stdout");
}

TEST_F(AgentTest, FollowsAFileUntilItsTaskHasEnded) {
  StartAgent();
  ASSERT_TRUE(master_.WaitForRegistrations(1));
  master_.Run("t1", "for i in 1 2; do echo $i; done");
  const auto spec = containerizer_.WaitForLaunch("t1");
  auto stub = life_->Stub();
  grpc::ClientContext context;
  api::FollowFileRequest request;
  *request.mutable_path() = PathOf("t1", "stdout");
  auto reader = stub->FollowFile(&context, request);

  std::ofstream file(spec.sandbox_directory() + "/stdout");
  file << "one" << std::flush;
  std::string seen;
  api::FollowFileResponse response;
  while (seen.size() < 3 && reader->Read(&response)) {
    for (const std::string& chunk : response.chunks()) seen += chunk;
  }
  file << "two" << std::flush;
  containerizer_.Exit("t1", 0);
  while (reader->Read(&response)) {
    for (const std::string& chunk : response.chunks()) seen += chunk;
  }

  EXPECT_EQ(seen, "onetwo");
  EXPECT_TRUE(reader->Finish().ok());
}

TEST_F(AgentTest, SaysWhatItDoesNotDo) {
  StartAgent();
  grpc::ClientContext context;
  api::LaunchContainerResponse response;

  const grpc::Status status = life_->Stub()->LaunchContainer(&context, {}, &response);

  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_THAT(status.error_message(), HasSubstr("not supported"));
}

}  // namespace
}  // namespace meros::agent
