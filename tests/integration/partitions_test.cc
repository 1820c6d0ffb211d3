// Goal: a network that breaks between living processes costs a pause and nothing else: never two
// masters that act, no task lost, started or told of twice. Method: real services, each of which
// dials through links of its own (CuttableLink); the links are cut, so that only silence is seen,
// and healed, so that what was sent meanwhile arrives late. ZooKeeper's servers, which dial each
// other, have hosts of their own (SeparateHosts) with cables to be cut.
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/testing/cuttable_link.h"
#include "libs/testing/local_cluster.h"
#include "libs/testing/temp_dir.h"
#include "libs/testing/zookeeper_ensemble.h"
#include "tests/integration/lasting_task.h"
#include "tests/integration/masters.h"
#include "tests/integration/recording_scheduler.h"

namespace meros::integration {
namespace {

using ::testing::HasSubstr;

constexpr absl::Duration kLimit = absl::Seconds(180);

class PartitionsTest : public ::testing::Test {
 protected:
  void Start(testing::LocalClusterOptions options) {
    options.directory = directory_.path();
    const int masters = options.masters;
    cluster_ = std::make_unique<testing::LocalCluster>(std::move(options));
    masters_ = std::make_unique<Masters>(cluster_.get(), masters);
    const absl::Status started = cluster_->Start();
    ASSERT_TRUE(started.ok()) << started;
    std::vector<std::string> addresses;
    for (int i = 0; i < masters; ++i) addresses.push_back(cluster_->master_address(i));
    driver_ = std::make_unique<sdk::SchedulerDriver>(
        &scheduler_,
        sdk::DriverOptions{
            .masters = addresses, .framework = Framework("parted"), .tls = {.insecure = true}});
    ASSERT_TRUE(driver_->Start().ok());
  }
  void TearDown() override {
    for (auto& [name, link] : links_) link->Heal();
    if (driver_ != nullptr) driver_->Stop();
    driver_ = nullptr;
    cluster_ = nullptr;
  }

  // The link of that process to `target`, made when it is first asked for.
  testing::CuttableLink& LinkOf(const std::string& process, const std::string& target) {
    auto& link = links_[process];
    if (link == nullptr) link = *testing::CuttableLink::Start(target);
    return *link;
  }
  testing::CuttableLink& LinkOfMaster(int i) { return *links_.at(absl::StrCat("master-", i)); }

  // Starts it with the next offer and waits until it runs.
  void Run(const LastingTask& task) {
    const auto offer = scheduler_.WaitOffer(kLimit);
    ASSERT_TRUE(offer.has_value());
    driver_->LaunchTasks({offer->id()}, {task.On(*offer)});
    ASSERT_TRUE(scheduler_.WaitState(task.id(), meros::v1::TASK_RUNNING, kLimit).has_value());
  }
  // Lets it end, and checks all that was heard of it.
  void End(const LastingTask& task) {
    task.LetGo();
    EXPECT_TRUE(scheduler_.WaitState(task.id(), meros::v1::TASK_FINISHED, kLimit).has_value());
    task.Audit();
  }

  testing::TempDir directory_;
  std::map<std::string, std::unique_ptr<testing::CuttableLink>> links_;  // by process
  std::unique_ptr<testing::LocalCluster> cluster_;
  std::unique_ptr<Masters> masters_;
  RecordingScheduler scheduler_;
  std::unique_ptr<sdk::SchedulerDriver> driver_;
};

// ---- a leader and that which made it the leader ----

enum class Election { kRegistry, kZooKeeper };

class CutLeaderTest : public PartitionsTest, public ::testing::WithParamInterface<Election> {
 protected:
  void SetUp() override {
    if (GetParam() == Election::kZooKeeper) {
      ensemble_ = std::make_unique<testing::ZooKeeperEnsemble>(testing::ZooKeeperEnsembleOptions{
          .directory = directory_.path(), .servers = 1, .tick = absl::Milliseconds(500)});
      const absl::Status started = ensemble_->Start();
      ASSERT_TRUE(started.ok()) << started;
    }
    Start({.masters = 2,
           .flags_of = [this](const std::string& process) { return FlagsOf(process); }});
  }
  // Each master reaches what elects it, and that alone, through a link.
  std::vector<std::string> FlagsOf(const std::string& process) {
    if (!absl::StartsWith(process, "master-")) return {};
    if (GetParam() == Election::kRegistry) {
      return {"--registry=" + LinkOf(process, cluster_->registry_address()).address(),
              "--lease_ttl=3s"};
    }
    return {absl::StrCat("--election=zk://", LinkOf(process, ensemble_->server(0)).address(),
                         "/masters"),
            "--zk_session_timeout=6s"};
  }
  // Sets the weight of a role. OK when it is durable.
  grpc::Status SetWeight(int master, const std::string& role) const {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoSeconds(kLimit));
    meros::v1::master::UpdateWeightsRequest request;
    request.add_weights()->set_role(role);
    request.mutable_weights(0)->set_weight(2);
    meros::v1::master::UpdateWeightsResponse response;
    return masters_->Dial(master)->UpdateWeights(&context, request, &response);
  }
  bool HasWeight(int master, const std::string& role) const {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoSeconds(kLimit));
    meros::v1::master::ListWeightsResponse response;
    const grpc::Status status = masters_->Dial(master)->ListWeights(&context, {}, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    for (const auto& weight : response.weights()) {
      if (weight.role() == role) return true;
    }
    return false;
  }

  std::unique_ptr<testing::ZooKeeperEnsemble> ensemble_;
};

TEST_P(CutLeaderTest, AnotherLeadsAndTheOldOneActsNoMore) {
  const LastingTask before("before", directory_.path(), &scheduler_);
  const LastingTask after("after", directory_.path(), &scheduler_);
  const int first = masters_->AwaitLeader();
  const uint64_t epoch = masters_->Of(first).epoch();
  Run(before);

  LinkOfMaster(first).Cut();

  const int second = masters_->AwaitLeader(first);
  EXPECT_TRUE(masters_->SaysItDoesNotLead(first)) << "when another leads it has stopped";
  const uint64_t later = masters_->Of(second).epoch();
  EXPECT_GT(later, epoch);
  // Although nobody can tell the old one: it sends its framework and its agent away by itself.
  EXPECT_TRUE(testing::Eventually(kLimit, [&] { return scheduler_.subscriptions() >= 2; }));
  EXPECT_EQ(before.starts(), 1);
  Run(after);

  LinkOfMaster(first).Heal();

  EXPECT_TRUE(masters_->EventuallyFollows(first, second));
  End(before);
  End(after);
  EXPECT_EQ(masters_->Of(second).epoch(), later) << "it goes on undisturbed";
}

// Only there it is the registry that is cut off.
class LateWriteTest : public CutLeaderTest {};

TEST_P(LateWriteTest, WhatTheOldOneWroteArrivesLateAndIsRefused) {
  const int first = masters_->AwaitLeader();
  ASSERT_TRUE(SetWeight(first, "in-time").ok());

  LinkOfMaster(first).CutOneWay(testing::CuttableLink::Direction::kToTarget);
  grpc::Status answer;
  std::thread operator_call([&] { answer = SetWeight(first, "too-late"); });
  const int second = masters_->AwaitLeader(first);
  const uint64_t later = masters_->Of(second).epoch();
  ASSERT_TRUE(SetWeight(second, "of-the-next").ok());
  LinkOfMaster(first).Heal();

  EXPECT_TRUE(masters_->EventuallyFollows(first, second));
  operator_call.join();
  EXPECT_FALSE(answer.ok());
  EXPECT_TRUE(HasWeight(second, "in-time"));
  EXPECT_TRUE(HasWeight(second, "of-the-next"));
  EXPECT_FALSE(HasWeight(second, "too-late"));
  // Not in its books alone: the next leader reads what the registry has.
  cluster_->master(second).Kill();
  const int third = masters_->AwaitLeader(second);
  EXPECT_EQ(third, first);
  EXPECT_GT(masters_->Of(third).epoch(), later);
  EXPECT_TRUE(HasWeight(third, "of-the-next"));
  EXPECT_FALSE(HasWeight(third, "too-late"));
}

INSTANTIATE_TEST_SUITE_P(Elections, LateWriteTest, ::testing::Values(Election::kRegistry),
                         [](const auto&) { return "Registry"; });
INSTANTIATE_TEST_SUITE_P(Elections, CutLeaderTest,
                         ::testing::Values(Election::kRegistry, Election::kZooKeeper),
                         [](const auto& info) {
                           return info.param == Election::kRegistry ? "Registry" : "ZooKeeper";
                         });

// ---- the servers that elect the leader ----

class CutEnsembleTest : public PartitionsTest {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "NOT ROOT: the servers have network namespaces";
    const absl::Status started = ensemble_.Start();
    ASSERT_TRUE(started.ok()) << started;
    Start({.masters = 3,
           .master_flags = {absl::StrCat("--election=zk://", ensemble_.servers(), "/masters"),
                            "--zk_session_timeout=6s"}});
  }
  // From then on it hears neither of the others.
  void Isolate(int server) {
    for (int other = 0; other < ensemble_.size(); ++other) {
      if (other != server) ASSERT_TRUE(ensemble_.Cut(server, other).ok());
    }
  }

  testing::TempDir ensemble_directory_;
  testing::ZooKeeperEnsemble ensemble_{{.directory = ensemble_directory_.path(),
                                        .tick = absl::Milliseconds(500),
                                        .on_separate_hosts = true,
                                        .peer_timeout = absl::Seconds(2)}};
};

TEST_F(CutEnsembleTest, ALeaderOfTheEnsembleThatIsAloneElectsNobody) {
  const LastingTask before("before", directory_.path(), &scheduler_);
  const LastingTask after("after", directory_.path(), &scheduler_);
  const uint64_t epoch = masters_->Of(masters_->AwaitLeader()).epoch();
  Run(before);
  const auto lonely = ensemble_.Leader();
  ASSERT_TRUE(lonely.has_value());

  ASSERT_NO_FATAL_FAILURE(Isolate(*lonely));

  EXPECT_TRUE(testing::Eventually(kLimit, [&] { return ensemble_.Mode(*lonely).empty(); }));
  EXPECT_TRUE(testing::Eventually(kLimit, [&] { return ensemble_.Leader().has_value(); }));
  EXPECT_NE(ensemble_.Leader(), lonely);
  // By way of the other two, one that may be the same as before.
  EXPECT_GE(masters_->Of(masters_->AwaitLeader()).epoch(), epoch);
  Run(after);
  ASSERT_TRUE(ensemble_.Heal().ok());
  End(before);
  End(after);
}

TEST_F(CutEnsembleTest, WhenAllAreApartNobodyLeadsUntilTheyAreNot) {
  const LastingTask before("before", directory_.path(), &scheduler_);
  const LastingTask after("after", directory_.path(), &scheduler_);
  const int first = masters_->AwaitLeader();
  const uint64_t epoch = masters_->Of(first).epoch();
  Run(before);

  for (int i = 0; i < ensemble_.size(); ++i) ASSERT_NO_FATAL_FAILURE(Isolate(i));

  // It stops acting, and after a while sends everybody away.
  EXPECT_TRUE(testing::Eventually(kLimit, [&] { return masters_->SaysItDoesNotLead(first); }));
  EXPECT_TRUE(testing::Eventually(kLimit, [&] {
    const std::string state = masters_->Of(first).state();
    return state == "STANDBY" || state == "ACQUIRING";
  }));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(masters_->SaysItDoesNotLead(i));
  EXPECT_EQ(before.starts(), 1);
  ASSERT_TRUE(ensemble_.Heal().ok());

  EXPECT_GT(masters_->Of(masters_->AwaitLeader()).epoch(), epoch);
  EXPECT_TRUE(testing::Eventually(kLimit, [&] { return scheduler_.subscriptions() >= 2; }));
  Run(after);
  End(before);
  End(after);
}

// ---- an agent and its master ----

enum class Loss { kBothWays, kFromMaster };

class CutAgentTest : public PartitionsTest, public ::testing::WithParamInterface<Loss> {
 protected:
  void SetUp() override {
    Start({.master_flags = {"--agent_unreachable_timeout=3s"},
           .flags_of = [this](const std::string& process) {
             std::vector<std::string> flags;
             if (process == "agent-0") {
               flags = {"--master=" + LinkOf(process, cluster_->master_address()).address()};
             }
             return flags;
           }});
  }
  void CutIt() {
    testing::CuttableLink& link = *links_.at("agent-0");
    if (GetParam() == Loss::kBothWays) return link.Cut();
    link.CutOneWay(testing::CuttableLink::Direction::kFromTarget);
  }
};

TEST_P(CutAgentTest, ItIsUnreachableAndComesBackWithItsTask) {
  const LastingTask task("t", directory_.path(), &scheduler_);
  Run(task);
  const auto running = scheduler_.updates("t").back();
  const pid_t pid = static_cast<pid_t>(running.container_status().executor_pid());
  ASSERT_GT(pid, 0);

  CutIt();

  ASSERT_TRUE(scheduler_.WaitState("t", meros::v1::TASK_UNREACHABLE, kLimit).has_value());
  const auto shown = cluster_->Cli({"agent", "show", running.agent_id().value()});
  EXPECT_THAT(shown.out, HasSubstr("UNREACHABLE")) << shown.err;
  EXPECT_EQ(kill(pid, 0), 0) << "its container knows nothing of it";

  links_.at("agent-0")->Heal();

  EXPECT_TRUE(testing::Eventually(kLimit, [&] { return task.state() == meros::v1::TASK_RUNNING; }));
  EXPECT_EQ(kill(pid, 0), 0);
  EXPECT_EQ(scheduler_.subscriptions(), 1) << "nobody else noticed";
  End(task);
}

INSTANTIATE_TEST_SUITE_P(Losses, CutAgentTest,
                         ::testing::Values(Loss::kBothWays, Loss::kFromMaster),
                         [](const auto& info) {
                           return info.param == Loss::kBothWays ? "BothWays" : "FromMaster";
                         });

}  // namespace
}  // namespace meros::integration
