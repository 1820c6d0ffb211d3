// Goal: a session does to a real ensemble what it says, and tells what becomes of it.
// Method: one three-server ensemble for all tests; each has a path of its own.
#include "libs/coordination/zookeeper.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/base/mutex.h"
#include "libs/testing/process.h"
#include "libs/testing/temp_dir.h"
#include "libs/testing/zookeeper_ensemble.h"

namespace meros::coordination {
namespace {

using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

constexpr absl::Duration kLimit = absl::Seconds(120);

// The answer of a call, once it has come.
template <typename T>
class Answer {
 public:
  std::function<void(T)> Taker() {
    return [this](T value) {
      MutexLock lock(&mutex_);
      value_.emplace(std::move(value));
      changed_.SignalAll();
    };
  }
  T Await() {
    MutexLock lock(&mutex_);
    while (!value_.has_value()) changed_.Wait(&mutex_);
    return *value_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::optional<T> value_ MEROS_GUARDED_BY(mutex_);
};

class ZooKeeperTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory_ = new testing::TempDir;
    ensemble_ = new testing::ZooKeeperEnsemble({.directory = directory_->path()});
    const absl::Status started = ensemble_->Start();
    ASSERT_TRUE(started.ok()) << started;
  }
  static void TearDownTestSuite() {
    delete ensemble_;
    delete directory_;
  }
  void TearDown() override {
    const absl::Status healed = ensemble_->Heal();
    EXPECT_TRUE(healed.ok()) << healed;
  }

  std::unique_ptr<ZooKeeper> Open(const std::string& credentials = "",
                                  absl::Duration timeout = absl::Seconds(20)) {
    auto session = ZooKeeper::Open(
        {.url = {.servers = ensemble_->servers(), .credentials = credentials, .path = "/unused"},
         .session_timeout = timeout,
         .others_may = OthersMay::kRead},
        nullptr);
    EXPECT_TRUE(session.ok()) << session.status();
    EXPECT_TRUE(testing::Eventually(
        kLimit, [&] { return (*session)->state() == SessionState::kConnected; }));
    return *std::move(session);
  }
  static absl::StatusOr<std::string> Create(ZooKeeper* session, const std::string& path,
                                            const std::string& data, NodeKind kind) {
    Answer<absl::StatusOr<std::string>> answer;
    session->Create(path, data, kind, answer.Taker());
    return answer.Await();
  }
  static absl::StatusOr<Node> Get(ZooKeeper* session, const std::string& path) {
    Answer<absl::StatusOr<Node>> answer;
    session->Get(path, answer.Taker());
    return answer.Await();
  }
  static absl::StatusOr<NodeStat> Set(ZooKeeper* session, const std::string& path,
                                      const std::string& data, int32_t version) {
    Answer<absl::StatusOr<NodeStat>> answer;
    session->Set(path, data, version, answer.Taker());
    return answer.Await();
  }
  static absl::Status Multi(ZooKeeper* session, std::vector<NodeOp> ops) {
    Answer<absl::Status> answer;
    session->Multi(std::move(ops), answer.Taker());
    return answer.Await();
  }

  static testing::TempDir* directory_;
  static testing::ZooKeeperEnsemble* ensemble_;
};

testing::TempDir* ZooKeeperTest::directory_ = nullptr;
testing::ZooKeeperEnsemble* ZooKeeperTest::ensemble_ = nullptr;

TEST_F(ZooKeeperTest, NodesAreCreatedReadChangedListedAndDeleted) {
  auto session = Open();
  ASSERT_TRUE(Create(session.get(), "/nodes", "", NodeKind::kPersistent).ok());
  const std::string bytes("\0\xff", 2);
  ASSERT_EQ(*Create(session.get(), "/nodes/a", bytes, NodeKind::kPersistent), "/nodes/a");

  EXPECT_EQ(Get(session.get(), "/nodes/a")->data, bytes);
  EXPECT_EQ(Set(session.get(), "/nodes/a", "2", 0)->version, 1);
  EXPECT_EQ(Set(session.get(), "/nodes/a", "3", 0).status().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(Create(session.get(), "/nodes/a", "", NodeKind::kPersistent).status().code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Get(session.get(), "/nodes/b").status().code(), absl::StatusCode::kNotFound);
  const auto numbered = Create(session.get(), "/nodes/n_", "x", NodeKind::kEphemeralSequential);
  EXPECT_EQ(*numbered, "/nodes/n_0000000001");
  EXPECT_EQ(Get(session.get(), *numbered)->stat.owner_session, session->session_id());
  Answer<absl::StatusOr<std::vector<std::string>>> names;
  session->List("/nodes", names.Taker());
  EXPECT_THAT(*names.Await(), UnorderedElementsAre("a", "n_0000000001"));
  Answer<absl::Status> deleted;
  session->Delete("/nodes/a", 1, deleted.Taker());
  EXPECT_TRUE(deleted.Await().ok());
}

TEST_F(ZooKeeperTest, ATransactionIsDoneWholeOrNotAtAllAndNamesWhatFailed) {
  auto session = Open();
  using Type = NodeOp::Type;
  ASSERT_TRUE(Multi(session.get(), {{Type::kCreate, "/multi", "0"},
                                    {Type::kCreate, "/multi/a", "1"},
                                    {Type::kSet, "/multi", "2", 0}})
                  .ok());

  const absl::Status failed = Multi(session.get(), {{Type::kSet, "/multi/a", "changed"},
                                                    {Type::kCheck, "/multi", "", 0},
                                                    {Type::kDelete, "/multi/a"}});

  EXPECT_EQ(failed.code(), absl::StatusCode::kAborted);
  EXPECT_THAT(std::string(failed.message()), HasSubstr("/multi:"));
  EXPECT_EQ(Get(session.get(), "/multi/a")->data, "1");
}

TEST_F(ZooKeeperTest, WithCredentialsOthersMayOnlyRead) {
  auto owner = Open("me:secret");
  auto other = Open();
  ASSERT_TRUE(Create(owner.get(), "/mine", "1", NodeKind::kPersistent).ok());

  // The other's server may be behind.
  EXPECT_TRUE(testing::Eventually(kLimit, [&] { return Get(other.get(), "/mine").ok(); }));
  EXPECT_EQ(Set(other.get(), "/mine", "2", kAnyVersion).status().code(),
            absl::StatusCode::kPermissionDenied);
  EXPECT_TRUE(Set(owner.get(), "/mine", "2", kAnyVersion).ok());
}

TEST_F(ZooKeeperTest, ASessionSurvivesItsServersDeathAndEndsWithItsNodes) {
  auto watcher = Open();
  auto session = Open();
  ASSERT_TRUE(Create(session.get(), "/ephemeral", "1", NodeKind::kEphemeral).ok());
  const int64_t id = session->session_id();

  for (int i = 0; i < 2; ++i) {
    ensemble_->Kill(i);
    ASSERT_TRUE(testing::Eventually(
        kLimit, [&] { return Set(session.get(), "/ephemeral", "2", kAnyVersion).ok(); }));
    ASSERT_TRUE(ensemble_->Heal().ok());
  }
  EXPECT_EQ(session->session_id(), id);
  session.reset();

  EXPECT_TRUE(testing::Eventually(
      kLimit, [&] { return absl::IsNotFound(Get(watcher.get(), "/ephemeral").status()); }));
}

TEST_F(ZooKeeperTest, WithoutAQuorumCallsFailAndTheSessionGoesOnAfterwards) {
  auto session = Open();
  ASSERT_TRUE(Create(session.get(), "/kept", "1", NodeKind::kEphemeral).ok());

  for (int i = 0; i < ensemble_->size(); ++i) ensemble_->Kill(i);
  ASSERT_TRUE(
      testing::Eventually(kLimit, [&] { return session->state() == SessionState::kSuspended; }));
  EXPECT_TRUE(absl::IsUnavailable(Get(session.get(), "/kept").status()));
  ASSERT_TRUE(ensemble_->Heal().ok());

  EXPECT_TRUE(testing::Eventually(kLimit, [&] { return Get(session.get(), "/kept").ok(); }));
}

TEST_F(ZooKeeperTest, ServersThatCannotBeResolvedAreNamed) {
  const auto session = ZooKeeper::Open({.url = {.servers = "no-such-host.invalid:2181"}}, nullptr);

  if (session.ok()) return;  // a resolver that answers everything
  EXPECT_TRUE(absl::IsUnavailable(session.status()));
  EXPECT_THAT(std::string(session.status().message()), HasSubstr("no-such-host.invalid"));
}

}  // namespace
}  // namespace meros::coordination
