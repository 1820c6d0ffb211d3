// Goal: the order of candidates, and that who leads can prove it until it cannot any more.
// Method: names by themselves; candidates on a real three-server ensemble, each test on a path of
// its own, looked at by a client of their own as a detector does.
#include "libs/coordination/candidacy.h"

#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/testing/process.h"
#include "libs/testing/temp_dir.h"
#include "libs/testing/zookeeper_ensemble.h"

namespace meros::coordination {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr absl::Duration kLimit = absl::Seconds(120);

TEST(PlaceInQueue, IsTheNumberAtTheEndOfACandidatesName) {
  EXPECT_EQ(PlaceInQueue("json.info_0000000007"), 7);
  EXPECT_EQ(PlaceInQueue("json.info_2147483647"), 2147483647);
  EXPECT_EQ(PlaceInQueue("info_0000000010"), 10) << "older masters";
  EXPECT_EQ(PlaceInQueue("0000000003"), 3) << "older still";
  for (const char* other : {"log_replicas", "", "_", "json.info_", "json.info_-000000001", "7x",
                            "json.info_99999999999999999999"}) {
    EXPECT_EQ(PlaceInQueue(other), std::nullopt) << other;
  }
}

TEST(FirstInQueue, HasTheLowestNumberWhateverTheLabel) {
  EXPECT_EQ(FirstInQueue({"json.info_0000000012", "log_replicas", "json.info_0000000009",
                          "info_0000000010"}),
            "json.info_0000000009");
  EXPECT_EQ(FirstInQueue({"log_replicas"}), "");
  EXPECT_EQ(FirstInQueue({}), "");
}

class CandidacyTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory_ = new testing::TempDir;
    // Sessions of up to twenty ticks: long ones, which a busy machine does not end.
    ensemble_ = new testing::ZooKeeperEnsemble(
        {.directory = directory_->path(), .tick = absl::Milliseconds(500)});
    const absl::Status started = ensemble_->Start();
    ASSERT_TRUE(started.ok()) << started;
  }
  static void TearDownTestSuite() {
    delete ensemble_;
    delete directory_;
  }
  void SetUp() override {
    path_ = absl::StrCat("/masters/of/",
                         ::testing::UnitTest::GetInstance()->current_test_info()->name());
    detector_ = *ZooKeeper::Open({.url = Url("")}, nullptr);
  }
  void TearDown() override {
    const absl::Status healed = ensemble_->Heal();
    EXPECT_TRUE(healed.ok()) << healed;
  }

  ZooKeeperUrl Url(const std::string& credentials) const {
    return {.servers = ensemble_->servers(), .credentials = credentials, .path = path_};
  }
  static std::unique_ptr<Candidacy> CandidateAt(ZooKeeperUrl url, const std::string& data) {
    return std::make_unique<Candidacy>(CandidacyOptions{.url = std::move(url),
                                                        .session_timeout = absl::Seconds(10),
                                                        .call_timeout = absl::Seconds(2),
                                                        .data = data});
  }
  std::unique_ptr<Candidacy> Candidate(const std::string& data,
                                       const std::string& credentials = "") const {
    return CandidateAt(Url(credentials), data);
  }
  // Runs until there is an answer.
  static Standing RunOf(Candidacy* candidate) {
    absl::StatusOr<Standing> standing = absl::UnknownError("not asked");
    EXPECT_TRUE(testing::Eventually(kLimit, [&] {
      standing = candidate->Run();
      return standing.ok();
    })) << standing.status();
    return standing.ok() ? *standing : Standing();
  }
  static bool EventuallyLeads(Candidacy* candidate) {
    return testing::Eventually(kLimit, [&] { return RunOf(candidate).we_lead; });
  }

  // What a detector sees.
  template <typename T, typename Call>
  T Ask(Call call) {
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
  absl::StatusOr<Node> Read(const std::string& path) {
    return Ask<absl::StatusOr<Node>>([&](auto done) { detector_->Get(path, done); });
  }

  static testing::TempDir* directory_;
  static testing::ZooKeeperEnsemble* ensemble_;
  std::string path_;
  std::unique_ptr<ZooKeeper> detector_;
};

testing::TempDir* CandidacyTest::directory_ = nullptr;
testing::ZooKeeperEnsemble* CandidacyTest::ensemble_ = nullptr;

TEST_F(CandidacyTest, TheFirstLeadsAndTheOthersReadWhatItsNodeSays) {
  auto a = Candidate("i am a"), b = Candidate("i am b");

  const Standing first = RunOf(a.get());
  const Standing second = RunOf(b.get());

  EXPECT_TRUE(first.we_lead);
  EXPECT_EQ(first.hold, absl::Seconds(5)) << "half a session";
  EXPECT_FALSE(second.we_lead);
  EXPECT_EQ(second.leader_data, "i am a");
  EXPECT_TRUE(absl::StartsWith(a->node(), path_ + "/json.info_")) << a->node();
  const auto node = Read(a->node());
  ASSERT_TRUE(node.ok()) << node.status();
  EXPECT_EQ(node->data, "i am a");
  EXPECT_NE(node->stat.owner_session, 0);
  EXPECT_EQ(first.number, static_cast<uint64_t>(node->stat.created));
  EXPECT_THAT(Candidates(), SizeIs(2));
}

TEST_F(CandidacyTest, WhoLeadsProvesItAgainAndAgain) {
  auto a = Candidate("a");
  const Standing first = RunOf(a.get());
  for (int i = 0; i < 5; ++i) {
    const auto proven = a->Prove();
    ASSERT_TRUE(proven.ok()) << proven.status();
    EXPECT_EQ(proven->number, first.number);
  }
  EXPECT_EQ(RunOf(a.get()).number, first.number);
  EXPECT_THAT(Candidates(), SizeIs(1));
}

TEST_F(CandidacyTest, WhoResignsQueuesBehindTheOthersWithAHigherNumber) {
  auto a = Candidate("a"), b = Candidate("b");
  const Standing first = RunOf(a.get());
  RunOf(b.get());

  a->Resign();

  EXPECT_TRUE(absl::IsFailedPrecondition(a->Prove().status()));
  EXPECT_TRUE(EventuallyLeads(b.get()));
  EXPECT_GT(RunOf(b.get()).number, first.number);
  EXPECT_FALSE(RunOf(a.get()).we_lead);
  b->Resign();
  EXPECT_TRUE(EventuallyLeads(a.get()));
  EXPECT_GT(RunOf(a.get()).number, first.number);
}

TEST_F(CandidacyTest, ANodeThatWasTakenAwayIsTheEndOfALeader) {
  auto a = Candidate("a");
  const Standing first = RunOf(a.get());
  ASSERT_TRUE(first.we_lead);
  const auto gone =
      Ask<absl::Status>([&](auto done) { detector_->Delete(a->node(), kAnyVersion, done); });
  ASSERT_TRUE(gone.ok()) << gone;

  EXPECT_TRUE(absl::IsFailedPrecondition(a->Prove().status()));

  EXPECT_TRUE(EventuallyLeads(a.get()));
  EXPECT_GT(RunOf(a.get()).number, first.number);
}

TEST_F(CandidacyTest, OneThatStandsStillLosesItsPlaceWithItsSession) {
  // A session that ends without a word: the only server that the candidate knows stands still, and
  // the others, who go on, have not heard of it for too long.
  const std::optional<int> leader = ensemble_->Leader();
  ASSERT_TRUE(leader.has_value());
  const int cut_off = (*leader + 1) % ensemble_->size();
  ZooKeeperUrl url = Url("");
  url.servers = ensemble_->server(cut_off);
  auto a = CandidateAt(std::move(url), "a");
  const Standing first = RunOf(a.get());
  ASSERT_TRUE(first.we_lead);
  const std::string place = a->node();
  ensemble_->Pause(cut_off);
  const absl::Status open = a->Prove().status();
  EXPECT_TRUE(absl::IsUnavailable(open)) << open;
  ASSERT_TRUE(testing::Eventually(kLimit, [&] { return Candidates().empty(); }));

  ensemble_->Resume(cut_off);

  absl::Status proof = open;
  EXPECT_TRUE(testing::Eventually(
      kLimit, [&] { return !absl::IsUnavailable(proof = a->Prove().status()); }));
  EXPECT_TRUE(absl::IsFailedPrecondition(proof)) << proof;
  EXPECT_TRUE(EventuallyLeads(a.get()));
  EXPECT_NE(a->node(), place);
  EXPECT_GT(RunOf(a.get()).number, first.number);
}

TEST_F(CandidacyTest, AnyOneServerMayDie) {
  auto a = Candidate("a");
  const Standing first = RunOf(a.get());
  for (int i = 0; i < ensemble_->size(); ++i) {
    ensemble_->Kill(i);
    Standing later;
    EXPECT_TRUE(testing::Eventually(kLimit, [&] {
      const auto proven = a->Prove();
      EXPECT_FALSE(absl::IsFailedPrecondition(proven.status())) << proven.status();
      if (proven.ok()) later = *proven;
      return proven.ok() || absl::IsFailedPrecondition(proven.status());
    }));
    EXPECT_EQ(later.number, first.number);
    ASSERT_TRUE(ensemble_->Heal().ok());
  }
}

TEST_F(CandidacyTest, WithCredentialsOthersMayReadAndNothingElse) {
  auto a = Candidate("a", "meros:secret");
  ASSERT_TRUE(RunOf(a.get()).we_lead);

  EXPECT_TRUE(Read(a->node()).ok());
  const auto deleted =
      Ask<absl::Status>([&](auto done) { detector_->Delete(a->node(), kAnyVersion, done); });
  EXPECT_TRUE(absl::IsPermissionDenied(deleted)) << deleted;
  auto stranger = Candidate("stranger", "meros:guessed");
  absl::Status refused;
  EXPECT_TRUE(testing::Eventually(kLimit, [&] {
    refused = stranger->Run().status();
    return absl::IsPermissionDenied(refused);
  })) << refused;
}

TEST_F(CandidacyTest, WithoutAQuorumItSaysSoAndCanBeInterrupted) {
  for (int i = 0; i < ensemble_->size(); ++i) ensemble_->Kill(i);
  auto a = Candidate("a");

  const absl::Status away = a->Run().status();

  EXPECT_TRUE(absl::IsUnavailable(away)) << away;
  EXPECT_THAT(away.message(), HasSubstr(ensemble_->server(0)));
  a->Interrupt();
  EXPECT_TRUE(absl::IsUnavailable(a->Run().status()));
}

}  // namespace
}  // namespace meros::coordination
