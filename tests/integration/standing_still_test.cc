// Goal: a leader that stood still past its lease, while another came to lead, does nothing harmful
// when it goes on: what it offered is void, calls that reached it are refused, its writes and its
// word to agents are refused by their epoch, and it stands by. Method: real services and a
// framework with an offer open, SIGSTOP and SIGCONT; once with each kind of election. What a leader
// of an old epoch might still say, the test says in its stead to the real registry and to the real
// agent.

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/rpc/server.h"
#include "libs/testing/http_get.h"
#include "libs/testing/local_cluster.h"
#include "libs/testing/temp_dir.h"
#include "libs/testing/zookeeper_ensemble.h"
#include "meros/agent_link/v1/agent_link.grpc.pb.h"
#include "meros/v1/scheduler/scheduler_service.grpc.pb.h"
#include "tests/integration/lasting_task.h"
#include "tests/integration/masters.h"
#include "tests/integration/recording_scheduler.h"

namespace meros::integration {
namespace {

namespace link = ::meros::agent_link::v1;
namespace v1s = ::meros::v1::scheduler;
using ::testing::AnyOf;
using ::testing::HasSubstr;

constexpr absl::Duration kLimit = absl::Seconds(180);
constexpr int kMasters = 2;

enum class Election { kRegistry, kZooKeeper };

std::chrono::system_clock::time_point Deadline() {
  return std::chrono::system_clock::now() + absl::ToChronoSeconds(kLimit);
}

// To an agent: a master that says it leads, with an epoch of its own, and orders a task's end.
class MasterOfEpoch : public link::AgentLinkService::Service {
 public:
  explicit MasterOfEpoch(uint64_t epoch) : epoch_(epoch) {
    auto server =
        rpc::Server::Start({.addresses = {"127.0.0.1:0"}, .tls = {.insecure = true}}, {this});
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  ~MasterOfEpoch() override { server_->Shutdown(absl::ZeroDuration()); }

  std::string address() const { return absl::StrCat("127.0.0.1:", server_->port(0)); }
  void Kill(const std::string& framework, const std::string& task) {
    MutexLock lock(&mutex_);
    framework_ = framework;
    task_ = task;
  }
  // How often an agent has left after it was told the epoch and the order.
  int left() const {
    MutexLock lock(&mutex_);
    return left_;
  }
  // The highest epoch that an agent said it has seen.
  uint64_t epoch_seen() const {
    MutexLock lock(&mutex_);
    return epoch_seen_;
  }

  grpc::Status Connect(
      grpc::ServerContext*,
      grpc::ServerReaderWriter<link::MasterFrame, link::AgentFrame>* stream) override {
    link::AgentFrame first;
    if (!stream->Read(&first) || first.messages().empty()) return grpc::Status::OK;
    const link::Reregister& agent = first.messages(0).reregister();
    link::MasterFrame answer;
    {
      MutexLock lock(&mutex_);
      epoch_seen_ = std::max<uint64_t>(epoch_seen_, agent.agent().epoch_seen());
      link::Registered* registered = answer.add_messages()->mutable_registered();
      registered->set_agent_id(agent.agent().info().id().value());
      registered->set_epoch(epoch_);
      registered->set_heartbeat_interval_ms(1000);
      registered->set_unreachable_after_ms(5000);
      registered->set_reregistered(true);
      link::KillTask* kill = answer.add_messages()->mutable_kill_task();
      kill->set_framework_id(framework_);
      kill->set_task_id(task_);
    }
    stream->Write(answer);
    link::AgentFrame more;
    while (stream->Read(&more)) {  // until the agent ends it
    }
    MutexLock lock(&mutex_);
    ++left_;
    return grpc::Status::OK;
  }

 private:
  const uint64_t epoch_;
  mutable Mutex mutex_;
  std::string framework_ MEROS_GUARDED_BY(mutex_), task_ MEROS_GUARDED_BY(mutex_);
  int left_ MEROS_GUARDED_BY(mutex_) = 0;
  uint64_t epoch_seen_ MEROS_GUARDED_BY(mutex_) = 0;
  std::unique_ptr<rpc::Server> server_;
};

class StandingStillTest : public ::testing::TestWithParam<Election> {
 protected:
  void SetUp() override {
    testing::LocalClusterOptions options{.directory = directory_.path(),
                                         .masters = kMasters,
                                         .flags_of = [this](const std::string& process) {
                                           std::vector<std::string> flags;
                                           if (process == "agent-0" && !only_master_.empty())
                                             flags = {"--master=" + only_master_};
                                           return flags;
                                         }};
    if (GetParam() == Election::kRegistry) {
      options.master_flags = {"--lease_ttl=3s"};
    } else {
      ensemble_ = std::make_unique<testing::ZooKeeperEnsemble>(testing::ZooKeeperEnsembleOptions{
          .directory = directory_.path(), .servers = 1, .tick = absl::Milliseconds(500)});
      const absl::Status started = ensemble_->Start();
      ASSERT_TRUE(started.ok()) << started;
      options.master_flags = {absl::StrCat("--election=zk://", ensemble_->servers(), "/masters"),
                              "--zk_session_timeout=6s"};
    }
    cluster_ = std::make_unique<testing::LocalCluster>(std::move(options));
    masters_ = std::make_unique<Masters>(cluster_.get(), kMasters);
    const absl::Status started = cluster_->Start();
    ASSERT_TRUE(started.ok()) << started;
    driver_ = std::make_unique<sdk::SchedulerDriver>(
        &scheduler_,
        sdk::DriverOptions{.masters = {cluster_->master_address(0), cluster_->master_address(1)},
                           .framework = Framework("steady"),
                           .tls = {.insecure = true}});
    ASSERT_TRUE(driver_->Start().ok());
  }
  void TearDown() override {
    if (driver_ != nullptr) driver_->Stop();
    driver_ = nullptr;
    cluster_ = nullptr;
  }

  // A task that would leave a file.
  meros::v1::TaskInfo Forbidden(const std::string& id, const meros::v1::Offer& offer) const {
    return ShellTask(id, offer, 0.1, 32, "touch " + (directory_ / id));
  }
  bool Ran(const std::string& id) const { return std::filesystem::exists(directory_ / id); }

  // The framework's ACCEPT, said to that master alone.
  grpc::Status AcceptAt(int master, const meros::v1::Offer& offer,
                        const meros::v1::TaskInfo& task) const {
    v1s::CallRequest request;
    request.mutable_call()->set_type(v1s::Call::ACCEPT);
    request.mutable_call()->mutable_framework_id()->set_value(scheduler_.framework_id());
    v1s::Call::Accept* accept = request.mutable_call()->mutable_accept();
    *accept->add_offer_ids() = offer.id();
    meros::v1::Offer::Operation* operation = accept->add_operations();
    operation->set_type(meros::v1::Offer::Operation::LAUNCH);
    *operation->mutable_launch()->add_task_infos() = task;
    auto stub = v1s::SchedulerService::NewStub(
        *rpc::MakeChannel(cluster_->master_address(master), {.insecure = true}));
    grpc::ClientContext context;
    context.set_deadline(Deadline());
    v1s::CallResponse response;
    return stub->Call(&context, request, &response);
  }
  // The agent hears of that master alone from now on; it looks on its disk what it knows.
  void RestartAgentKnowing(const std::string& master) {
    cluster_->agent().Kill();
    only_master_ = master;
    const absl::Status status = cluster_->RestartAgent();
    ASSERT_TRUE(status.ok()) << status;
  }

  testing::TempDir directory_;
  std::string only_master_;
  std::unique_ptr<testing::ZooKeeperEnsemble> ensemble_;
  std::unique_ptr<testing::LocalCluster> cluster_;
  std::unique_ptr<Masters> masters_;
  RecordingScheduler scheduler_;
  std::unique_ptr<sdk::SchedulerDriver> driver_;
};

TEST_P(StandingStillTest, WhatTheOldLeaderPromisedIsVoidAndItStandsBy) {
  const LastingTask task("t", directory_.path(), &scheduler_);
  const int first = masters_->AwaitLeader();
  const uint64_t epoch = masters_->Of(first).epoch();
  auto offer = scheduler_.WaitOffer(kLimit);
  ASSERT_TRUE(offer.has_value());
  driver_->LaunchTasks({offer->id()}, {task.On(*offer)});
  ASSERT_TRUE(scheduler_.WaitState("t", meros::v1::TASK_RUNNING, kLimit).has_value());
  const auto held = scheduler_.WaitOffer(kLimit);  // and not answered
  ASSERT_TRUE(held.has_value());

  cluster_->master(first).Pause();
  grpc::Status answer;  // of the old one, which finds the call when it goes on
  std::thread stale_call([&] { answer = AcceptAt(first, *held, Forbidden("stale", *held)); });
  const int second = masters_->AwaitLeader(first);
  const uint64_t later = masters_->Of(second).epoch();
  EXPECT_GT(later, epoch);
  EXPECT_TRUE(testing::Eventually(kLimit, [&] { return scheduler_.subscriptions() >= 2; }));
  offer = scheduler_.WaitOffer(kLimit);  // so the agent is here, too
  ASSERT_TRUE(offer.has_value());
  cluster_->master(first).Resume();

  // It stands by.
  EXPECT_TRUE(masters_->EventuallyFollows(first, second));
  stale_call.join();
  EXPECT_FALSE(answer.ok());
  EXPECT_THAT(answer.error_code(),
              AnyOf(grpc::StatusCode::FAILED_PRECONDITION, grpc::StatusCode::UNAVAILABLE))
      << answer.error_message();
  const grpc::Status again = AcceptAt(first, *held, Forbidden("again", *held));
  EXPECT_EQ(again.error_code(), grpc::StatusCode::FAILED_PRECONDITION) << again.error_message();
  EXPECT_THAT(again.error_message(), HasSubstr("leader=" + cluster_->master_address(second)));
  const int port = cluster_->master(first).metrics_port();
  EXPECT_THAT(testing::HttpGet(port, "/readyz"), HasSubstr("200 OK"));
  // Gauges are measured now and then.
  EXPECT_TRUE(testing::Eventually(kLimit, [&] {
    return absl::StrContains(testing::HttpGet(port, "/metrics"), "\nmeros_master_leading 0");
  }));
  EXPECT_TRUE(cluster_->master(first).running());
  // Its offer is void where another leads.
  driver_->LaunchTasks({held->id()}, {Forbidden("late", *held)});
  EXPECT_TRUE(scheduler_.WaitState("late", meros::v1::TASK_DROPPED, kLimit).has_value());
  // What it might still write.
  EXPECT_EQ(masters_->WriteWith(epoch), absl::StatusCode::kFailedPrecondition);
  // The next one goes on undisturbed, and nothing is lost. A task that is launched after all the
  // forbidden ones has run, so they would have, too.
  driver_->LaunchTasks({offer->id()}, {ShellTask("after", *offer, 0.1, 32, "true")});
  EXPECT_TRUE(scheduler_.WaitState("after", meros::v1::TASK_FINISHED, kLimit).has_value());
  for (const char* id : {"stale", "again", "late"}) EXPECT_FALSE(Ran(id)) << id;
  EXPECT_EQ(masters_->Of(second).epoch(), later);
  task.LetGo();
  EXPECT_TRUE(scheduler_.WaitState("t", meros::v1::TASK_FINISHED, kLimit).has_value());
  task.Audit();
}

TEST_P(StandingStillTest, AnAgentObeysNoMasterOfAnOlderEpoch) {
  const LastingTask task("t", directory_.path(), &scheduler_);
  const int first = masters_->AwaitLeader();
  MasterOfEpoch old(masters_->Of(first).epoch());
  const auto offer = scheduler_.WaitOffer(kLimit);
  ASSERT_TRUE(offer.has_value());
  driver_->LaunchTasks({offer->id()}, {task.On(*offer)});
  ASSERT_TRUE(scheduler_.WaitState("t", meros::v1::TASK_RUNNING, kLimit).has_value());
  old.Kill(scheduler_.framework_id(), "t");
  cluster_->master(first).Pause();
  const int second = masters_->AwaitLeader(first);
  EXPECT_TRUE(testing::Eventually(kLimit, [&] { return scheduler_.subscriptions() >= 2; }));
  ASSERT_TRUE(scheduler_.WaitOffer(kLimit).has_value()) << "the agent knows the next epoch";

  RestartAgentKnowing(old.address());

  EXPECT_TRUE(testing::Eventually(kLimit, [&] { return old.left() >= 2; })) << "it tries again";
  EXPECT_EQ(old.epoch_seen(), masters_->Of(second).epoch());
  cluster_->master(first).Resume();
  RestartAgentKnowing("");
  task.LetGo();
  EXPECT_TRUE(scheduler_.WaitState("t", meros::v1::TASK_FINISHED, kLimit).has_value());
  task.Audit();
}

INSTANTIATE_TEST_SUITE_P(Elections, StandingStillTest,
                         ::testing::Values(Election::kRegistry, Election::kZooKeeper),
                         [](const auto& info) {
                           return info.param == Election::kRegistry ? "Registry" : "ZooKeeper";
                         });

}  // namespace
}  // namespace meros::integration
