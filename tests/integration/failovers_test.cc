// Goal: whoever leads may be killed again and again, and any other process with it; no task
// restarts, no update is lost or told twice, and every launch is accounted for. Method: three
// masters that elect through three ZooKeeper servers, two registries with their store in there,
// five agents; the leader is killed with SIGKILL, and mostly one of the others at the same time,
// while long tasks run and short ones are launched without pause; then the framework's memory is
// audited. MEROS_FAILOVERS says how often (tools/cluster/failovers).
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <set>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "libs/rpc/channel.h"
#include "libs/testing/local_cluster.h"
#include "libs/testing/temp_dir.h"
#include "libs/testing/zookeeper_ensemble.h"
#include "meros/v1/master/master_service.grpc.pb.h"
#include "tests/integration/recording_scheduler.h"

namespace meros::integration {
namespace {

constexpr absl::Duration kLimit = absl::Seconds(180);
constexpr int kMasters = 3, kAgents = 5;
// Short tasks that must have run to their end under each leader.
constexpr size_t kEndsPerLeader = 10;
// What dies beside a leader, by turns.
enum class Other { kAgent, kContainerizer, kRegistry, kZooKeeper, kAllocator, kNothing, kCount };
// Of one launch.
constexpr size_t kTasksPerOffer = 10;

size_t Setting(const char* name, size_t otherwise) {
  const char* wanted = getenv(name);
  size_t value = 0;
  return wanted != nullptr && absl::SimpleAtoi(wanted, &value) ? value : otherwise;
}
size_t Failovers() { return Setting("MEROS_FAILOVERS", 3); }
size_t LongTasks() { return Setting("MEROS_FAILOVER_TASKS", 20); }
absl::Duration Interval() { return absl::Seconds(Setting("MEROS_FAILOVER_SECONDS", 0)); }

bool IsEnd(meros::v1::TaskState state) {
  switch (state) {
    case meros::v1::TASK_STAGING:
    case meros::v1::TASK_STARTING:
    case meros::v1::TASK_RUNNING:
    case meros::v1::TASK_KILLING:
    case meros::v1::TASK_UNREACHABLE:
      return false;
    default:
      return true;
  }
}

class FailoversTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const absl::Status started = ensemble_.Start();
    ASSERT_TRUE(started.ok()) << started;
    for (int i = 0; i < 2; ++i) StartRegistry(i);
    cluster_ = std::make_unique<testing::LocalCluster>(testing::LocalClusterOptions{
        .directory = directory_.path(),
        .masters = kMasters,
        .agents = kAgents,
        .master_flags = {
            absl::StrCat("--registry=", registry_addresses_[0], ",", registry_addresses_[1]),
            absl::StrCat("--election=zk://", ensemble_.servers(), "/masters"),
            "--zk_session_timeout=4s"}});
    const absl::Status cluster = cluster_->Start();
    ASSERT_TRUE(cluster.ok()) << cluster;
    std::vector<std::string> masters;
    for (int i = 0; i < kMasters; ++i) masters.push_back(cluster_->master_address(i));
    driver_ = std::make_unique<sdk::SchedulerDriver>(
        &scheduler_,
        sdk::DriverOptions{
            .masters = masters, .framework = Framework("failovers"), .tls = {.insecure = true}});
    ASSERT_TRUE(driver_->Start().ok());
  }
  void TearDown() override {
    launching_ = false;
    if (launcher_.joinable()) launcher_.join();
    if (driver_ != nullptr) driver_->Stop();
    driver_ = nullptr;
    cluster_ = nullptr;
  }

  void StartRegistry(int i) {
    auto registry = testing::Process::Start(
        {.name = absl::StrCat("store-", i),
         .program = testing::BinaryPath("meros-registry"),
         .arguments = {"--address=" + registry_addresses_[i], "--insecure", "--metrics_port=0",
                       "--store_session_timeout=4s",
                       absl::StrCat("--store=zk://", ensemble_.servers(), "/record")},
         .log_dir = directory_.path()});
    ASSERT_TRUE(registry.ok()) << registry.status();
    registries_[i] = *std::move(registry);
    const absl::Status ready = registries_[i]->WaitReady(kLimit);
    ASSERT_TRUE(ready.ok()) << ready;
    registry_addresses_[i] = registries_[i]->address();
  }

  // Another one of its kind in each round.
  void KillOther(size_t round) {
    switch (OtherOf(round)) {
      case Other::kAgent:
        return cluster_->agent(AgentOf(round)).Kill();
      case Other::kContainerizer:
        return cluster_->containerizer(AgentOf(round)).Kill();
      case Other::kRegistry:
        return registries_[round % 2]->Kill();
      case Other::kZooKeeper:
        return ensemble_.Kill(static_cast<int>(round % ensemble_.size()));
      case Other::kAllocator:
        return cluster_->allocator().Kill();
      case Other::kNothing:
      case Other::kCount:
        return;
    }
  }
  absl::Status RestartOther(size_t round) {
    switch (OtherOf(round)) {
      case Other::kAgent:
        return cluster_->RestartAgent(AgentOf(round));
      case Other::kContainerizer:
        return cluster_->RestartContainerizer(AgentOf(round));
      case Other::kRegistry:
        StartRegistry(static_cast<int>(round % 2));
        return absl::OkStatus();
      case Other::kZooKeeper:
        return ensemble_.Heal();
      case Other::kAllocator:
        return cluster_->RestartAllocator();
      case Other::kNothing:
      case Other::kCount:
        return absl::OkStatus();
    }
    return absl::OkStatus();
  }
  static Other OtherOf(size_t round) {
    return static_cast<Other>(round % static_cast<size_t>(Other::kCount));
  }
  static const char* NameOf(Other other) {
    switch (other) {
      case Other::kAgent:
        return "an agent";
      case Other::kContainerizer:
        return "a containerizer";
      case Other::kRegistry:
        return "a registry";
      case Other::kZooKeeper:
        return "a ZooKeeper server";
      case Other::kAllocator:
        return "the allocator";
      case Other::kNothing:
      case Other::kCount:
        break;
    }
    return "nothing else";
  }
  // Over all rounds, and by what died with the leader.
  static void PrintGaps(const std::vector<absl::Duration>& gaps) {
    std::map<std::string, std::vector<absl::Duration>> by_other;
    for (size_t round = 0; round < gaps.size(); ++round) {
      by_other["all"].push_back(gaps[round]);
      by_other[NameOf(OtherOf(round))].push_back(gaps[round]);
    }
    for (auto& [other, of_it] : by_other) {
      std::sort(of_it.begin(), of_it.end());
      printf("  %-18s p50 %.1f s, worst %.1f s\n", other.c_str(),
             absl::ToDoubleSeconds(of_it[of_it.size() / 2]), absl::ToDoubleSeconds(of_it.back()));
    }
  }
  static int AgentOf(size_t round) { return static_cast<int>(round % kAgents); }

  int AwaitLeader(int not_this) const {
    int leader = -1;
    EXPECT_TRUE(testing::Eventually(kLimit, [&] {
      for (int i = 0; i < kMasters; ++i) {
        if (i != not_this && Leads(i)) leader = i;
      }
      return leader >= 0;
    }));
    return leader;
  }
  bool Leads(int i) const {
    auto stub = meros::v1::master::MasterService::NewStub(
        *rpc::MakeChannel(cluster_->master_address(i), {.insecure = true}));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(2));
    meros::v1::master::GetMasterResponse response;
    return stub->GetMaster(&context, {}, &response).ok() && response.leading();
  }

  static std::string IdOf(size_t number) {
    return absl::StrCat(number < LongTasks() ? "long" : "short", number);
  }
  // First the long tasks, then one short one of each offer, until told not to.
  void LaunchWithoutPause() {
    meros::v1::Filters filters;
    filters.set_refuse_seconds(0.1);
    while (launching_) {
      const auto offer = scheduler_.WaitOffer(absl::Milliseconds(100));
      if (!offer.has_value()) continue;
      std::vector<meros::v1::TaskInfo> tasks;
      do {
        const bool is_long = launched_ < LongTasks();
        tasks.push_back(
            ShellTask(IdOf(launched_), *offer, 0.02, 16, is_long ? "exec sleep 100000" : "true"));
        ++launched_;
      } while (launched_ < LongTasks() && tasks.size() < kTasksPerOffer);
      driver_->LaunchTasks({offer->id()}, tasks, filters);
    }
  }
  bool HasEnded(size_t number) const {
    const auto updates = scheduler_.updates(IdOf(number));
    return std::any_of(updates.begin(), updates.end(),
                       [](const auto& update) { return IsEnd(update.state()); });
  }
  // Of the tasks from `first` on, so many have run to their end.
  size_t Finished(size_t first) const {
    size_t finished = 0;
    for (size_t i = first; i < launched_; ++i) {
      for (const auto& update : scheduler_.updates(IdOf(i))) {
        finished += update.state() == meros::v1::TASK_FINISHED && !update.uuid().empty();
      }
    }
    return finished;
  }

  // Checks what was heard of a task. Returns whether its agent told of its end.
  bool Audit(size_t number) const {
    const std::string id = IdOf(number);
    std::multiset<std::string> uuids;
    int ends = 0;
    int told_finished = 0;  // by whomever
    for (const auto& update : scheduler_.updates(id)) {
      told_finished += update.state() == meros::v1::TASK_FINISHED;
      if (update.uuid().empty()) continue;  // the master's own, which may be repeated
      uuids.insert(update.uuid());
      ends += IsEnd(update.state());
    }
    for (const std::string& uuid : uuids) EXPECT_EQ(uuids.count(uuid), 1u) << id;
    EXPECT_LE(ends, number < LongTasks() ? 0 : 1) << id;
    EXPECT_LE(told_finished, 1) << id;
    return ends > 0;
  }

  testing::TempDir directory_;
  testing::ZooKeeperEnsemble ensemble_{{.directory = directory_.path()}};
  std::string registry_addresses_[2] = {"127.0.0.1:0", "127.0.0.1:0"};
  std::unique_ptr<testing::Process> registries_[2];
  std::unique_ptr<testing::LocalCluster> cluster_;
  RecordingScheduler scheduler_;
  std::unique_ptr<sdk::SchedulerDriver> driver_;
  std::atomic<bool> launching_{true};
  std::atomic<size_t> launched_{0};
  std::thread launcher_;
};

TEST_F(FailoversTest, NothingIsLostOrDoneTwiceWhoeverDies) {
  launcher_ = std::thread([this] { LaunchWithoutPause(); });
  std::vector<uint64_t> pids;
  for (size_t i = 0; i < LongTasks(); ++i) {
    const auto running = scheduler_.WaitState(IdOf(i), meros::v1::TASK_RUNNING, kLimit);
    ASSERT_TRUE(running.has_value()) << i;
    pids.push_back(running->container_status().executor_pid());
  }
  std::vector<absl::Duration> gaps;  // from the kill to the first task launched by the next leader

  for (size_t round = 0; round < Failovers(); ++round) {
    const int leader = AwaitLeader(-1);
    const size_t first = launched_;
    const absl::Time killed = testing::PollNow();
    cluster_->master(leader).Kill();
    KillOther(round);

    const int next = AwaitLeader(leader);
    const absl::Status restarted = RestartOther(round);
    ASSERT_TRUE(restarted.ok()) << round << ": " << restarted;
    const size_t since = launched_;
    ASSERT_TRUE(testing::Eventually(kLimit, [&] { return Finished(since) > 0; })) << round;
    gaps.push_back(testing::PollNow() - killed);
    EXPECT_NE(next, leader);
    ASSERT_TRUE(cluster_->RestartMaster(leader).ok());
    ASSERT_TRUE(testing::Eventually(kLimit, [&] { return Finished(first) >= kEndsPerLeader; }))
        << round;
    while (testing::PollNow() - killed < Interval()) testing::PollPause();
  }
  launching_ = false;
  launcher_.join();

  // Every launch is accounted for: what the framework has not heard of, it asks for.
  const size_t launched = launched_;
  EXPECT_TRUE(testing::Eventually(kLimit, [&] {
    std::vector<meros::v1::TaskStatus> open;
    for (size_t i = LongTasks(); i < launched; ++i) {
      if (HasEnded(i)) continue;
      open.emplace_back().mutable_task_id()->set_value(IdOf(i));
    }
    if (open.empty()) return true;
    driver_->ReconcileTasks(open);
    testing::PollPause();
    return false;
  }));
  size_t ran = 0;
  for (size_t i = 0; i < launched; ++i) ran += Audit(i);
  for (const uint64_t pid : pids) EXPECT_EQ(kill(static_cast<pid_t>(pid), 0), 0) << pid;
  printf("%zu fail-overs, %zu tasks ran of %zu launched; kill -9 to the next task's end:\n",
         gaps.size(), ran, launched - LongTasks());
  PrintGaps(gaps);
}

}  // namespace
}  // namespace meros::integration
