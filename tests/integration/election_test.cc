// Goal: masters that elect through ZooKeeper have one leader at a time, whoever dies, stands still
// or cannot be reached. Method: a real three-server ensemble, three masters, and a client of its
// own that looks at the candidates as a detector does.
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <fstream>
#include <set>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/coordination/candidacy.h"
#include "libs/testing/http_get.h"
#include "libs/testing/local_cluster.h"
#include "libs/testing/temp_dir.h"
#include "libs/testing/zookeeper_ensemble.h"
#include "tests/integration/masters.h"
#include "tests/integration/recording_scheduler.h"

namespace meros::integration {
namespace {

using ::testing::HasSubstr;

constexpr absl::Duration kLimit = absl::Seconds(180);
constexpr int kMasters = 3;

class ElectionTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    ensemble_directory_ = new testing::TempDir;
    // Sessions of up to twenty ticks.
    ensemble_ = new testing::ZooKeeperEnsemble(
        {.directory = ensemble_directory_->path(), .tick = absl::Milliseconds(500)});
    const absl::Status started = ensemble_->Start();
    ASSERT_TRUE(started.ok()) << started;
  }
  static void TearDownTestSuite() {
    delete ensemble_;
    delete ensemble_directory_;
  }

  void Start(absl::Duration session_timeout, int agents = 0) {
    path_ = absl::StrCat("/", ::testing::UnitTest::GetInstance()->current_test_info()->name());
    cluster_ = std::make_unique<testing::LocalCluster>(testing::LocalClusterOptions{
        .directory = directory_.path(),
        .masters = kMasters,
        .agents = agents,
        .master_flags = {
            absl::StrCat("--election=zk://meros:secret@", ensemble_->servers(), path_),
            absl::StrCat("--zk_session_timeout=", absl::FormatDuration(session_timeout))}});
    const absl::Status started = cluster_->Start();
    ASSERT_TRUE(started.ok()) << started;
    masters_ = std::make_unique<Masters>(cluster_.get(), kMasters);
    detector_ = *coordination::ZooKeeper::Open(
        {.url = {.servers = ensemble_->servers(), .credentials = "", .path = path_}}, nullptr);
  }
  void TearDown() override {
    EXPECT_TRUE(ensemble_->Heal().ok());
    detector_ = nullptr;
    cluster_ = nullptr;
  }

  // Whether agents have reported to a master while they waited for a leader.
  bool HasEarlyReports(int i) const {
    const std::string served = testing::HttpGet(cluster_->master(i).metrics_port(), "/metrics");
    const std::string line = "\nmeros_master_agent_reports_early_total ";
    EXPECT_THAT(served, HasSubstr(line));
    return served.find(line + "0\n") == std::string::npos;
  }

  // ---- what a detector sees ----
  template <typename T, typename Call>
  static T Ask(Call call) {
    Mutex mutex;
    std::optional<T> value;
    call([&](T answer) {
      MutexLock lock(&mutex);
      value.emplace(std::move(answer));
    });
    EXPECT_TRUE(testing::Eventually(kLimit, [&] {
      MutexLock lock(&mutex);
      return value.has_value();
    }));
    return *value;
  }
  std::vector<std::string> Candidates() {
    absl::StatusOr<std::vector<std::string>> names = absl::UnknownError("");
    EXPECT_TRUE(testing::Eventually(kLimit, [&] {
      names = Ask<absl::StatusOr<std::vector<std::string>>>(
          [&](auto done) { detector_->List(path_, done); });
      return names.ok();
    }));
    return *names;
  }
  coordination::Node ReadNode(const std::string& name) {
    absl::StatusOr<coordination::Node> node = absl::UnknownError("");
    EXPECT_TRUE(testing::Eventually(kLimit, [&] {
      node = Ask<absl::StatusOr<coordination::Node>>(
          [&](auto done) { detector_->Get(absl::StrCat(path_, "/", name), done); });
      return node.ok();
    })) << node.status();
    return node.ok() ? *node : coordination::Node();
  }

  static testing::TempDir* ensemble_directory_;
  static testing::ZooKeeperEnsemble* ensemble_;
  testing::TempDir directory_;
  std::string path_;
  std::unique_ptr<testing::LocalCluster> cluster_;
  std::unique_ptr<Masters> masters_;
  std::unique_ptr<coordination::ZooKeeper> detector_;
};

testing::TempDir* ElectionTest::ensemble_directory_ = nullptr;
testing::ZooKeeperEnsemble* ElectionTest::ensemble_ = nullptr;

TEST_F(ElectionTest, ADetectorFindsTheLeaderAndEveryFollowerNamesIt) {
  Start(absl::Seconds(10));
  const int leader = masters_->AwaitLeader();
  EXPECT_TRUE(testing::Eventually(kLimit, [&] { return Candidates().size() == kMasters; }));

  const coordination::Node node = ReadNode(coordination::FirstInQueue(Candidates()));

  google::protobuf::Struct parsed;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(node.data, &parsed).ok()) << node.data;
  const auto& info = parsed.fields();
  const std::string address = cluster_->master_address(leader);
  EXPECT_EQ(info.at("pid").string_value(), "master@" + address);
  EXPECT_EQ(info.at("id").string_value(), masters_->Of(leader).master_info().id());
  EXPECT_EQ(info.at("hostname").string_value(), "127.0.0.1");
  EXPECT_EQ(info.at("ip").number_value(), 127 + (1 << 24));
  EXPECT_EQ(absl::StrCat("127.0.0.1:", info.at("port").number_value()), address);
  EXPECT_EQ(info.at("address").struct_value().fields().at("ip").string_value(), "127.0.0.1");
  EXPECT_NE(node.stat.owner_session, 0) << "ephemeral";
  const absl::Status deleted = Ask<absl::Status>([&](auto done) {
    detector_->Delete(absl::StrCat(path_, "/", Candidates().front()), coordination::kAnyVersion,
                      done);
  });
  EXPECT_TRUE(absl::IsPermissionDenied(deleted)) << deleted;
  for (int i = 0; i < kMasters; ++i) {
    if (i == leader) continue;
    EXPECT_TRUE(masters_->EventuallyFollows(i, leader)) << i;
  }
}

TEST_F(ElectionTest, AnotherLeadsWhenTheLeaderIsKilledAndTasksRunOn) {
  Start(absl::Seconds(5), /*agents=*/1);
  const int first = masters_->AwaitLeader();
  const uint64_t epoch = masters_->Of(first).epoch();
  RecordingScheduler scheduler;
  sdk::SchedulerDriver driver(&scheduler,
                              {.masters = {cluster_->master_address(0), cluster_->master_address(1),
                                           cluster_->master_address(2)},
                               .framework = Framework("election"),
                               .tls = {.insecure = true}});
  ASSERT_TRUE(driver.Start().ok());
  const auto offer = scheduler.WaitOffer(kLimit);
  ASSERT_TRUE(offer.has_value());
  const std::string go = directory_ / "go";
  driver.LaunchTasks({offer->id()},
                     {ShellTask("t", *offer, 0.5, 64,
                                absl::StrCat("while [ ! -e ", go, " ]; do sleep 0.1; done"))});
  ASSERT_TRUE(scheduler.WaitState("t", meros::v1::TASK_RUNNING, kLimit).has_value());

  cluster_->master(first).Kill();

  const int second = masters_->AwaitLeader(first);
  EXPECT_GT(masters_->Of(second).epoch(), epoch);
  EXPECT_TRUE(HasEarlyReports(second) || HasEarlyReports(kMasters - first - second))
      << "the agent had time to report while the masters elected";
  EXPECT_TRUE(testing::Eventually(kLimit, [&] { return scheduler.subscriptions() >= 2; }));
  std::ofstream(go).put('x');
  EXPECT_TRUE(scheduler.WaitState("t", meros::v1::TASK_FINISHED, kLimit).has_value());
  ASSERT_TRUE(cluster_->RestartMaster(first).ok());
  EXPECT_TRUE(masters_->EventuallyFollows(first, second));
  driver.Stop();
}

TEST_F(ElectionTest, ALeaderThatStoodStillWritesNothingAndQueuesAnew) {
  Start(absl::Seconds(5));
  const int first = masters_->AwaitLeader();
  const uint64_t epoch = masters_->Of(first).epoch();
  const std::string node = coordination::FirstInQueue(Candidates());
  ASSERT_TRUE(testing::Eventually(kLimit, [&] { return Candidates().size() == kMasters; }));

  cluster_->master(first).Pause();
  const int second = masters_->AwaitLeader(first);
  const uint64_t later = masters_->Of(second).epoch();
  EXPECT_GT(later, epoch);
  EXPECT_EQ(masters_->WriteWith(epoch), absl::StatusCode::kFailedPrecondition)
      << "what it might still send";
  cluster_->master(first).Resume();

  EXPECT_TRUE(masters_->EventuallyFollows(first, second));
  EXPECT_TRUE(cluster_->master(first).running());
  EXPECT_TRUE(testing::Eventually(kLimit, [&] { return Candidates().size() == kMasters; }));
  for (const std::string& candidate : Candidates()) EXPECT_NE(candidate, node);
  EXPECT_TRUE(masters_->Of(second).leading());
  EXPECT_EQ(masters_->Of(second).epoch(), later) << "it goes on undisturbed";
}

TEST_F(ElectionTest, ALeaderThatIsStoppedHandsOver) {
  Start(absl::Seconds(10));
  const int first = masters_->AwaitLeader();
  const uint64_t epoch = masters_->Of(first).epoch();

  const auto stopped = cluster_->master(first).Stop(kLimit);

  ASSERT_TRUE(stopped.ok()) << stopped.status();
  EXPECT_EQ(*stopped, 0);
  const int second = masters_->AwaitLeader(first);
  EXPECT_GT(masters_->Of(second).epoch(), epoch);
}

TEST_F(ElectionTest, AnyOneZooKeeperServerMayDieWithoutAChangeOfLeader) {
  Start(absl::Seconds(10));
  const int leader = masters_->AwaitLeader();
  const uint64_t epoch = masters_->Of(leader).epoch();
  const std::string node = coordination::FirstInQueue(Candidates());

  for (int i = 0; i < ensemble_->size(); ++i) {  // one of them leads the ensemble
    ensemble_->Kill(i);
    // The leader has proven itself some times since then.
    const int32_t proofs = ReadNode(node).stat.version;
    EXPECT_TRUE(
        testing::Eventually(kLimit, [&] { return ReadNode(node).stat.version >= proofs + 3; }));
    ASSERT_TRUE(ensemble_->Heal().ok());
  }

  EXPECT_TRUE(testing::Eventually(kLimit, [&] { return masters_->Of(leader).leading(); }));
  EXPECT_EQ(masters_->Of(leader).epoch(), epoch);
  EXPECT_EQ(coordination::FirstInQueue(Candidates()), node);
}

TEST_F(ElectionTest, WithoutAnEnsembleTheLeaderStopsActingAndComesBack) {
  Start(absl::Seconds(5));
  const int first = masters_->AwaitLeader();
  const uint64_t epoch = masters_->Of(first).epoch();

  for (int i = 0; i < ensemble_->size(); ++i) ensemble_->Pause(i);

  EXPECT_TRUE(testing::Eventually(kLimit, [&] { return masters_->Of(first).state() == "FENCED"; }))
      << masters_->Of(first).state();
  for (int i = 0; i < kMasters; ++i) EXPECT_TRUE(masters_->SaysItDoesNotLead(i));
  for (int i = 0; i < ensemble_->size(); ++i) ensemble_->Resume(i);

  // With its old epoch when its session lived on, else it or another with a new one.
  const int later = masters_->AwaitLeader();
  EXPECT_GE(masters_->Of(later).epoch(), epoch);
  EXPECT_TRUE(testing::Eventually(kLimit, [&] { return Candidates().size() == kMasters; }));
}

TEST_F(ElectionTest, ALeaderGoesOnWithoutTheRegistry) {
  Start(absl::Seconds(10));
  const int leader = masters_->AwaitLeader();
  const uint64_t epoch = masters_->Of(leader).epoch();
  const std::string node = coordination::FirstInQueue(Candidates());

  cluster_->registry().Kill();

  // Longer than a lease of the registry lasts.
  const int32_t proofs = ReadNode(node).stat.version;
  EXPECT_TRUE(
      testing::Eventually(kLimit, [&] { return ReadNode(node).stat.version >= proofs + 8; }));
  EXPECT_TRUE(testing::Eventually(kLimit, [&] { return masters_->Of(leader).leading(); }));
  ASSERT_TRUE(cluster_->RestartRegistry().ok());
  EXPECT_EQ(masters_->AwaitLeader(), leader);
  EXPECT_EQ(masters_->Of(leader).epoch(), epoch);
}

}  // namespace
}  // namespace meros::integration
