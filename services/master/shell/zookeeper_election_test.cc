// Goal: what ZooKeeper and the registry say together becomes the right answer to the core.
// Method: a real ZooKeeper server; the test plays core and registry.
#include "services/master/shell/zookeeper_election.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/testing/process.h"
#include "libs/testing/temp_dir.h"
#include "libs/testing/zookeeper_ensemble.h"
#include "services/master/shell/candidate_node.h"

namespace meros::master {
namespace {

constexpr absl::Duration kLimit = absl::Seconds(120);
using Kind = LeaseAnswer::Kind;

// A master between a core and a registry that the test plays.
class Member final : public EpochSource {
 public:
  Member(coordination::ZooKeeperUrl url, const std::string& host) {
    v1::MasterInfo info;
    info.mutable_address()->set_hostname(host);
    info.mutable_address()->set_port(7050);
    election_ = std::make_unique<ZooKeeperElection>(
        coordination::CandidacyOptions{.url = std::move(url),
                                       .session_timeout = absl::Seconds(10),
                                       .call_timeout = absl::Seconds(2),
                                       .data = CandidateJson(info, "")},
        [this](Input input) {
          MutexLock lock(&mutex_);
          const auto& answer = std::get<LeaseAnswer>(input);
          answers_[answer.attempt] = answer;
        },
        this);
  }
  ~Member() override { election_->Stop(); }

  void Claim(const AcquireLease& question, const registry::v1::ElectionWin& won) override {
    LeaseAnswer answer;
    answer.attempt = question.attempt;
    {
      MutexLock lock(&mutex_);
      claims_.push_back(won);
      answer.kind = epoch_ == 0 ? Kind::kUnknown : Kind::kGranted;
      answer.epoch = epoch_;
      answer.ttl = question.ttl;
    }
    election_->Answer(answer);
  }
  void Tell(Effect effect) override {
    LeaseAnswer answer;
    if (const auto* renewal = std::get_if<RenewLease>(&effect)) {
      MutexLock lock(&mutex_);
      answer.attempt = renewal->attempt;
      answer.kind = renewal->epoch == epoch_ ? Kind::kGranted : Kind::kHeldByOther;
      ++renewals_;
    } else {
      MutexLock lock(&mutex_);
      ++releases_;
      return;
    }
    election_->Answer(answer);
  }

  // What the registry grants; 0: it does not answer.
  void SetEpoch(uint64_t epoch) {
    MutexLock lock(&mutex_);
    epoch_ = epoch;
  }
  LeaseAnswer Acquire() { return Ask(AcquireLease{++attempt_, absl::Seconds(2)}); }
  LeaseAnswer Renew(uint64_t epoch) { return Ask(RenewLease{++attempt_, epoch, absl::Seconds(2)}); }
  LeaseAnswer AcquireUntil(Kind kind) {
    LeaseAnswer answer;
    EXPECT_TRUE(testing::Eventually(kLimit, [&] {
      answer = Acquire();
      return answer.kind == kind;
    }));
    return answer;
  }
  ZooKeeperElection& election() { return *election_; }
  std::vector<registry::v1::ElectionWin> claims() const {
    MutexLock lock(&mutex_);
    return claims_;
  }
  int releases() const {
    MutexLock lock(&mutex_);
    return releases_;
  }
  int renewals() const {
    MutexLock lock(&mutex_);
    return renewals_;
  }

 private:
  LeaseAnswer Ask(Effect question) {
    election_->Ask(std::move(question));
    LeaseAnswer answer;
    EXPECT_TRUE(testing::Eventually(kLimit, [&] {
      MutexLock lock(&mutex_);
      const auto it = answers_.find(attempt_);
      if (it == answers_.end()) return false;
      answer = it->second;
      return true;
    }));
    return answer;
  }

  mutable Mutex mutex_;
  std::map<uint64_t, LeaseAnswer> answers_ MEROS_GUARDED_BY(mutex_);
  std::vector<registry::v1::ElectionWin> claims_ MEROS_GUARDED_BY(mutex_);
  uint64_t epoch_ MEROS_GUARDED_BY(mutex_) = 1;
  int renewals_ MEROS_GUARDED_BY(mutex_) = 0;
  int releases_ MEROS_GUARDED_BY(mutex_) = 0;
  uint64_t attempt_ = 0;
  std::unique_ptr<ZooKeeperElection> election_;
};

class ZooKeeperElectionTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory_ = new testing::TempDir;
    // Sessions of up to twenty ticks: long ones, which a busy machine does not end.
    ensemble_ = new testing::ZooKeeperEnsemble(
        {.directory = directory_->path(), .servers = 1, .tick = absl::Milliseconds(500)});
    const absl::Status started = ensemble_->Start();
    ASSERT_TRUE(started.ok()) << started;
  }
  static void TearDownTestSuite() {
    delete ensemble_;
    delete directory_;
  }
  std::unique_ptr<Member> Join(const std::string& host) const {
    return std::make_unique<Member>(
        coordination::ZooKeeperUrl{
            .servers = ensemble_->servers(),
            .credentials = "",
            .path =
                absl::StrCat("/", ::testing::UnitTest::GetInstance()->current_test_info()->name())},
        host);
  }

  static testing::TempDir* directory_;
  static testing::ZooKeeperEnsemble* ensemble_;
};

testing::TempDir* ZooKeeperElectionTest::directory_ = nullptr;
testing::ZooKeeperEnsemble* ZooKeeperElectionTest::ensemble_ = nullptr;

TEST_F(ZooKeeperElectionTest, TheFirstGetsTheRegistrysEpochForHalfASession) {
  auto a = Join("a"), b = Join("b");
  a->SetEpoch(7);

  const LeaseAnswer granted = a->AcquireUntil(Kind::kGranted);
  const LeaseAnswer refused = b->AcquireUntil(Kind::kHeldByOther);

  EXPECT_EQ(granted.epoch, 7u);
  EXPECT_EQ(granted.ttl, absl::Seconds(5));
  EXPECT_GT(a->claims().back().number(), 0u);
  EXPECT_EQ(refused.leader_address, "a:7050");
  EXPECT_TRUE(b->claims().empty());
  const LeaseAnswer renewed = a->Renew(7);
  EXPECT_EQ(renewed.kind, Kind::kGranted);
  EXPECT_EQ(renewed.epoch, 7u);
  EXPECT_TRUE(testing::Eventually(kLimit, [&] { return a->renewals() == 1; }))
      << "so that nobody is granted it who waits for it there";
  EXPECT_TRUE(a->election().problem().ok());
}

TEST_F(ZooKeeperElectionTest, ALeaderGoesOnWithoutTheRegistry) {
  auto a = Join("a");
  a->AcquireUntil(Kind::kGranted);
  a->SetEpoch(0);
  // What the registry does not answer is nothing that it says.
  LeaseAnswer unknown;
  unknown.attempt = (uint64_t{1} << 63) | 1;
  a->election().Answer(unknown);
  a->SetEpoch(1);

  EXPECT_EQ(a->Renew(1).kind, Kind::kGranted);
}

TEST_F(ZooKeeperElectionTest, ALeaderWhoseEpochIsOverQueuesAnew) {
  auto a = Join("a");
  a->AcquireUntil(Kind::kGranted);
  a->SetEpoch(2);  // another has got it
  EXPECT_EQ(a->Renew(1).kind, Kind::kGranted) << "the registry's answer comes later";
  EXPECT_TRUE(testing::Eventually(kLimit, [&] { return a->renewals() == 1; }));

  EXPECT_TRUE(testing::Eventually(kLimit, [&] { return a->Renew(1).kind == Kind::kHeldByOther; }));

  EXPECT_EQ(a->AcquireUntil(Kind::kGranted).epoch, 2u);
  EXPECT_GT(a->claims().back().number(), a->claims().front().number());
  EXPECT_EQ(a->claims().back().election(), a->claims().front().election());
  EXPECT_EQ(a->Renew(2).kind, Kind::kGranted);
}

TEST_F(ZooKeeperElectionTest, WhoGetsNoEpochLetsOthersTry) {
  auto a = Join("a");
  a->SetEpoch(0);
  EXPECT_TRUE(testing::Eventually(kLimit, [&] {
    a->Acquire();
    return !a->claims().empty();
  }));
  auto b = Join("b");
  b->AcquireUntil(Kind::kHeldByOther);

  EXPECT_TRUE(testing::Eventually(kLimit, [&] {
    return a->Acquire().kind == Kind::kHeldByOther || b->Acquire().kind == Kind::kGranted;
  }));

  EXPECT_EQ(b->AcquireUntil(Kind::kGranted).epoch, 1u);
}

TEST_F(ZooKeeperElectionTest, WhoGivesItBackLeavesTheQueueAtOnce) {
  auto a = Join("a"), b = Join("b");
  a->AcquireUntil(Kind::kGranted);
  b->AcquireUntil(Kind::kHeldByOther);

  a->election().Ask(ReleaseLease{1});
  a->election().Stop();

  EXPECT_EQ(a->releases(), 1);
  EXPECT_EQ(b->AcquireUntil(Kind::kGranted).epoch, 1u);
}

TEST(ZooKeeperElectionAway, SaysWhyItIsNoCandidate) {
  Member a({.servers = "127.0.0.1:1", .credentials = "", .path = "/m"}, "a");

  EXPECT_EQ(a.Acquire().kind, Kind::kUnknown);

  EXPECT_TRUE(absl::IsUnavailable(a.election().problem())) << a.election().problem();
}

}  // namespace
}  // namespace meros::master
