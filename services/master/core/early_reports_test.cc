// Goal: a new leader begins with what agents told it while they waited, and nobody can make it hold
// more than it may. Method: the core of a master that stands by, and then leads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "services/master/core/awaiting_leader.h"
#include "services/master/core/testing/returning_agent.h"

namespace meros::master::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string AskedOn(StreamId stream) { return absl::StrCat("agent ", stream, ": SEND_REPORT"); }

constexpr char kDead[] = "dead:7050";

// Agents that lost the leader, at a master that still takes it for the leader.
class EarlyReports : public ::testing::Test {
 protected:
  explicit EarlyReports(MasterOptions options = TestOptions()) : driver_(std::move(options)) {
    driver_.Do(runtime::Tick{});
    uint64_t attempt = 0;
    for (const Effect& effect : driver_.effects()) {
      if (const auto* ask = std::get_if<AcquireLease>(&effect)) attempt = ask->attempt;
    }
    driver_.Do(
        LeaseAnswer{attempt, LeaseAnswer::Kind::kHeldByOther, 7, absl::ZeroDuration(), kDead});
  }
  static AgentReregister Waiting(AgentReregister message) {
    message.agent.lost_master = kDead;
    return message;
  }
  std::vector<std::string> Wait(StreamId stream, const std::string& id) {
    return driver_.Do(Waiting(Digest(stream, id, OneTask("t-" + id))));
  }
  std::vector<std::string> Tell(StreamId stream, const std::string& id) {
    return driver_.Do(Waiting(Report(stream, id, OneTask("t-" + id))));
  }
  // What was sent while the master became leader.
  std::vector<std::string> Lead(int agents) {
    driver_.Lead(1, SnapshotOf(agents));
    return Trace(driver_.effects());
  }

  CoreDriver driver_;
};

class FewEarlyReports : public EarlyReports {
 protected:
  FewEarlyReports() : EarlyReports(Few()) {}
  static MasterOptions Few() {
    MasterOptions options = TestOptions();
    options.max_agent_reports = 2;
    options.max_early_tasks = 3;
    return options;
  }
};

TEST_F(EarlyReports, WhoWaitsIsAskedAndTheLeaderBeginsWithWhatItSaid) {
  EXPECT_THAT(Wait(10, "a0"), ElementsAre(AskedOn(10)));
  EXPECT_THAT(Tell(10, "a0"), IsEmpty());

  const auto lines = Lead(1);

  EXPECT_THAT(lines, Contains("agent 10: REREGISTERED a0 epoch=1"));
  EXPECT_THAT(lines, Not(Contains(AskedOn(10))));
  EXPECT_EQ(driver_.books().tasks.size(), 1u);
}

TEST_F(EarlyReports, AReportOnItsWayIsTakenByTheLeader) {
  Wait(10, "a0");
  EXPECT_THAT(Lead(1), Not(Contains(AskedOn(10))));

  EXPECT_THAT(Tell(10, "a0"), Contains("agent 10: REREGISTERED a0 epoch=1"));
  EXPECT_EQ(driver_.books().tasks.size(), 1u);
}

TEST_F(EarlyReports, AnAgentWithNothingIsNotAsked) {
  EXPECT_THAT(driver_.Do(Waiting(Digest(10, "a0", {}))), IsEmpty());

  EXPECT_THAT(Lead(1), Contains("agent 10: REREGISTERED a0 epoch=1"));
}

TEST_F(EarlyReports, WhoLeavesIsForgotten) {
  Wait(10, "a0");
  Tell(10, "a0");
  driver_.Do(AgentStreamClosed{10});

  EXPECT_THAT(Lead(1), Not(Contains(HasSubstr("REREGISTERED"))));
  EXPECT_EQ(driver_.books().tasks.size(), 0u);
}

TEST_F(EarlyReports, WhoHasReportedIsSentToAnotherLeaderAllTheSame) {
  Wait(10, "a0");
  Wait(11, "a1");
  Tell(10, "a0");

  driver_.set_now(driver_.now() + driver_.options().leader_wait);

  const auto lines = driver_.Do(runtime::Tick{});
  EXPECT_THAT(lines, Contains(HasSubstr("close 10")));
  EXPECT_THAT(lines, Contains(HasSubstr("close 11")));
  EXPECT_THAT(Tell(11, "a1"), IsEmpty());  // a stream that ended waits for nothing any more
}

TEST_F(EarlyReports, NobodyReportsTwiceOrForAnother) {
  Wait(10, "a0");
  Tell(10, "a0");
  EXPECT_THAT(Tell(10, "a0"), Contains(HasSubstr("close 10")));

  Wait(11, "a1");
  EXPECT_THAT(Tell(11, "a2"), Contains(HasSubstr("close 11")));
}

TEST_F(FewEarlyReports, SoManyAreAskedAtATimeAndForSoManyTasks) {
  EXPECT_THAT(Wait(10, "a0"), ElementsAre(AskedOn(10)));
  EXPECT_THAT(Wait(11, "a1"), ElementsAre(AskedOn(11)));
  EXPECT_THAT(Wait(12, "a2"), IsEmpty());
  EXPECT_THAT(Wait(13, "a3"), IsEmpty());
  EXPECT_THAT(Tell(10, "a0"), ElementsAre(AskedOn(12)));
  // Three tasks are reported or about to be.
  EXPECT_THAT(Tell(11, "a1"), IsEmpty());
  EXPECT_THAT(Tell(12, "a2"), IsEmpty());

  EXPECT_THAT(driver_.Do(AgentStreamClosed{10}), ElementsAre(AskedOn(13)));
}

TEST_F(FewEarlyReports, AnAgentThatPromisesTooMuchIsWaitedForAndNoMore) {
  AgentReregister liar = Waiting(Digest(10, "a0", OneTask("t")));
  liar.digest->tasks = ~uint64_t{0};
  EXPECT_THAT(driver_.Do(std::move(liar)), ElementsAre(AskedOn(10)));
  EXPECT_THAT(Wait(11, "a1"), IsEmpty());

  EXPECT_THAT(Tell(10, "a0"), ElementsAre(AskedOn(11)));
}

TEST_F(FewEarlyReports, WhoWasNotAskedReportsToTheLeader) {
  for (int i = 0; i < 4; ++i) Wait(10 + i, absl::StrCat("a", i));

  const auto lines = Lead(4);

  EXPECT_THAT(lines, Contains(AskedOn(12)));
  EXPECT_THAT(lines, Contains(AskedOn(13)));
  EXPECT_THAT(lines, Not(Contains(AskedOn(10))));
  for (int i = 0; i < 4; ++i) Tell(10 + i, absl::StrCat("a", i));
  EXPECT_EQ(driver_.books().tasks.size(), 4u);
}

// More than are handled at once, so that the first must not be asked to beat meanwhile.
TEST_F(FewEarlyReports, ManyThatWaitAreSilentUntilAllAreBack) {
  for (int i = 0; i < 200; ++i) driver_.Do(Waiting(Digest(10 + i, absl::StrCat("a", i), {})));

  Lead(200);

  absl::Duration first;
  for (const Effect& effect : driver_.effects()) {
    const auto* to_agent = std::get_if<ToAgent>(&effect);
    if (to_agent == nullptr) continue;
    const auto* welcome = std::get_if<RegisteredMessage>(&to_agent->message);
    if (welcome != nullptr) first = std::max(first, welcome->first_heartbeat);
  }
  EXPECT_GE(first, driver_.options().agent_unreachable_timeout);
  EXPECT_GT(driver_.books().sessions_waiting, 0u);
  driver_.Advance(absl::ZeroDuration());
  EXPECT_EQ(driver_.books().sessions_waiting, 0u);
  EXPECT_EQ(driver_.books().agents.recovering(), 0u);
}

// Agents on streams from 10 on, of which the first remembers ended tasks, have reported.
class ManyEarlyReports : public EarlyReports {
 protected:
  void Report(int agents) {
    for (int i = 0; i < agents; ++i) {
      const std::string id = absl::StrCat("a", i);
      AgentReregister digest = Waiting(Digest(10 + i, id, OneTask("t-" + id)));
      AgentReregister report = Waiting(testing::Report(10 + i, id, OneTask("t-" + id)));
      if (i == 0) digest.agent.ended = {{FrameworkId("f"), 3, driver_.now()}};
      report.agent.ended = digest.agent.ended;
      driver_.Do(std::move(digest));
      driver_.Do(std::move(report));
    }
  }
};

TEST_F(ManyEarlyReports, HistoriesAreAskedForWhenAllAreBack) {
  Report(100);

  EXPECT_THAT(Lead(100), Not(Contains(HasSubstr("agent 10: SEND_ENDED"))));
  EXPECT_THAT(driver_.Advance(absl::ZeroDuration()), Contains(HasSubstr("agent 10: SEND_ENDED")));
}

TEST_F(ManyEarlyReports, HistoriesAreAskedForWhenTheLastHasLeft) {
  Report(65);
  ASSERT_THAT(Lead(65), Not(Contains(HasSubstr("agent 10: SEND_ENDED"))));
  ASSERT_EQ(driver_.books().tasks.size(), 64u);

  EXPECT_THAT(driver_.Do(AgentStreamClosed{74}), Contains(HasSubstr("agent 10: SEND_ENDED")));
  EXPECT_EQ(driver_.books().tasks.size(), 64u);
}

}  // namespace
}  // namespace meros::master::testing
