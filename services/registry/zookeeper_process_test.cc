// Goal: registries on one ZooKeeper store: one serves, another takes over, none answers when it
// cannot be sure, and without a quorum they say so and return by themselves. Method: the real
// binary and a real three-server ensemble.

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/testing/process.h"
#include "libs/testing/temp_dir.h"
#include "libs/testing/zookeeper_ensemble.h"
#include "services/registry/test_session.h"

namespace meros::registry {
namespace {

using ::testing::HasSubstr;

constexpr absl::Duration kLimit = absl::Seconds(180);

class RegistryOnZooKeeper : public ::testing::Test {
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

  std::unique_ptr<testing::Process> Start(const std::string& path) {
    auto process = testing::Process::Start(
        {.name = absl::StrCat("registry", ++starts_),
         .program = testing::BinaryPath("meros-registry"),
         .arguments = {"--address=127.0.0.1:0", "--insecure", "--metrics_port=0",
                       "--store_retry_interval=100ms", "--store_session_timeout=3s",
                       absl::StrCat("--store=zk://", ensemble_->servers(), path)},
         .log_dir = directory_->path()});
    EXPECT_TRUE(process.ok()) << process.status();
    const absl::Status ready = (*process)->WaitReady(kLimit);
    EXPECT_TRUE(ready.ok()) << ready;
    return *std::move(process);
  }
  // Asks until the answer is OK, in a new session whenever one has ended.
  static v1::Response AskUntilOk(const testing::Process& registry, const v1::Request& request) {
    v1::Response answer;
    EXPECT_TRUE(testing::Eventually(kLimit, [&] {
      answer = Session(registry.address()).Call(request);
      return answer.code() == 0;
    })) << answer.message();
    return answer;
  }
  static v1::GetStatusResponse StatusOf(const testing::Process& registry) {
    auto stub =
        v1::RegistryService::NewStub(*rpc::MakeChannel(registry.address(), {.insecure = true}));
    grpc::ClientContext context;
    v1::GetStatusResponse status;
    const grpc::Status answered = stub->GetStatus(&context, {}, &status);
    if (!answered.ok()) status.set_reason(answered.error_message());
    return status;
  }

  static testing::TempDir* directory_;
  static testing::ZooKeeperEnsemble* ensemble_;
  static int starts_;
};

testing::TempDir* RegistryOnZooKeeper::directory_ = nullptr;
testing::ZooKeeperEnsemble* RegistryOnZooKeeper::ensemble_ = nullptr;
int RegistryOnZooKeeper::starts_ = 0;

TEST_F(RegistryOnZooKeeper, AnotherTakesOverFromOneThatStoodStillAndNeverBothAnswer) {
  auto first = Start("/takeover");
  const uint64_t epoch = AskUntilOk(*first, Acquire("m")).lease().epoch();
  AskUntilOk(*first, Put(epoch, "k", "1"));
  auto second = Start("/takeover");
  EXPECT_THAT(StatusOf(*second).reason(), HasSubstr("is served by the registry 127.0.0.1:0"));
  EXPECT_EQ(Session(second->address()).Call(Get("k")).code(),
            static_cast<int>(absl::StatusCode::kUnavailable));

  first->Pause();
  EXPECT_EQ(AskUntilOk(*second, Get("k")).record().value(), "1");
  EXPECT_EQ(AskUntilOk(*second, Acquire("m")).lease().epoch(), epoch);
  AskUntilOk(*second, Put(epoch, "k", "2"));
  first->Resume();

  // What it remembers is old, and it must not say it.
  const v1::Response late = Session(first->address()).Call(Get("k"));
  EXPECT_NE(late.code(), 0) << late.record().value();
  EXPECT_TRUE(first->running());
  second->Kill();
  EXPECT_EQ(AskUntilOk(*first, Get("k")).record().value(), "2") << "it takes over again";
}

TEST_F(RegistryOnZooKeeper, Kill9OfTheServingOneLosesNoAcknowledgedWrite) {
  auto first = Start("/killed");
  const uint64_t epoch = AskUntilOk(*first, Acquire("m")).lease().epoch();
  auto second = Start("/killed");
  std::map<std::string, std::string> acknowledged;
  {
    Session session(first->address());
    std::map<uint64_t, std::pair<std::string, std::string>> sent;
    uint64_t last = 0;
    for (int i = 0; i < 400; ++i) {
      const std::pair put(absl::StrCat("k", i % 40), absl::StrCat(i));
      last = session.Send({Put(epoch, put.first, put.second)});
      sent[last] = put;
    }
    session.Await(last - 200);  // in the midst of them
    first->Kill();
    session.Await(last);
    for (const auto& [id, answer] : session.answers()) {
      if (answer.code() == 0) acknowledged[sent[id].first] = sent[id].second;
    }
  }
  ASSERT_FALSE(acknowledged.empty());

  for (const auto& [name, value] : acknowledged) {
    // A later write of the same name may have been done without an answer.
    EXPECT_GE(std::stoi(AskUntilOk(*second, Get(name)).record().value()), std::stoi(value)) << name;
  }
  // The leader that was renews its epoch at the new one, and writes under it.
  v1::Request renew;
  renew.mutable_renew_lease()->set_epoch(epoch);
  AskUntilOk(*second, renew);
  AskUntilOk(*second, Put(epoch, "after", "1"));
}

TEST_F(RegistryOnZooKeeper, OneThatIsStoppedGivesTheStoreToTheNext) {
  auto first = Start("/stopped");
  const uint64_t epoch = AskUntilOk(*first, Acquire("m")).lease().epoch();
  AskUntilOk(*first, Put(epoch, "k", "1"));
  auto second = Start("/stopped");

  const auto stopped = first->Stop(kLimit);

  ASSERT_TRUE(stopped.ok()) << stopped.status();
  EXPECT_EQ(*stopped, 0);
  EXPECT_EQ(AskUntilOk(*second, Get("k")).record().value(), "1");
}

TEST_F(RegistryOnZooKeeper, AnyOneZooKeeperServerMayDie) {
  auto registry = Start("/servers");
  const uint64_t epoch = AskUntilOk(*registry, Acquire("m")).lease().epoch();

  for (int i = 0; i < ensemble_->size(); ++i) {  // one of them is the leader
    ensemble_->Kill(i);
    const std::string name = absl::StrCat("without", i);
    AskUntilOk(*registry, Put(epoch, name, "1"));
    EXPECT_EQ(AskUntilOk(*registry, Get(name)).record().value(), "1");
    ASSERT_TRUE(ensemble_->Heal().ok());
  }

  v1::Request renew;
  renew.mutable_renew_lease()->set_epoch(epoch);
  EXPECT_EQ(AskUntilOk(*registry, renew).lease().epoch(), epoch) << "nobody else served meanwhile";
}

TEST_F(RegistryOnZooKeeper, WithoutAQuorumItRefusesAndReturnsByItself) {
  auto registry = Start("/quorum");
  const uint64_t epoch = AskUntilOk(*registry, Acquire("m")).lease().epoch();
  AskUntilOk(*registry, Put(epoch, "before", "1"));

  for (const int i : {0, 1}) ensemble_->Kill(i);
  v1::Response refused;
  EXPECT_TRUE(testing::Eventually(kLimit, [&] {
    refused = Session(registry->address()).Call(Put(epoch, "during", "1"));
    return refused.code() != 0 && !StatusOf(*registry).writable();
  }));
  EXPECT_EQ(refused.code(), static_cast<int>(absl::StatusCode::kUnavailable)) << refused.message();
  EXPECT_TRUE(registry->running());
  ASSERT_TRUE(ensemble_->Heal().ok());

  const uint64_t later = AskUntilOk(*registry, Acquire("m")).lease().epoch();
  AskUntilOk(*registry, Put(later, "after", "1"));
  EXPECT_EQ(AskUntilOk(*registry, Get("before")).record().value(), "1");
  EXPECT_TRUE(StatusOf(*registry).writable());
}

TEST_F(RegistryOnZooKeeper, AnEnsembleThatIsAwayAtTheStartIsWaitedFor) {
  for (int i = 0; i < ensemble_->size(); ++i) ensemble_->Kill(i);
  auto registry = Start("/later");
  EXPECT_THAT(StatusOf(*registry).reason(), HasSubstr("quorum"));

  ASSERT_TRUE(ensemble_->Heal().ok());

  EXPECT_GT(AskUntilOk(*registry, Acquire("m")).lease().epoch(), 0u);
}

}  // namespace
}  // namespace meros::registry
