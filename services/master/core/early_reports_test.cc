// Goal: a new leader begins with what agents told it while they waited, and nobody can make it hold
// more than it may. Method: the core of a master that stands by, and then leads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
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
    Hear(kDead);
  }
  // The master asks for the lease, and is told that `leader` holds it.
  std::vector<std::string> Hear(const std::string& leader) {
    driver_.set_now(std::max(driver_.now(), driver_.core().NextDeadline()));
    driver_.Do(runtime::Tick{});
    uint64_t attempt = 0;
    for (const Effect& effect : driver_.effects()) {
      if (const auto* ask = std::get_if<AcquireLease>(&effect)) attempt = ask->attempt;
    }
    return driver_.Do(
        LeaseAnswer{attempt, LeaseAnswer::Kind::kHeldByOther, 7, absl::ZeroDuration(), leader});
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

TEST_F(EarlyReports, WhoHasReportedIsSentToAnotherLeader) {
  Wait(10, "a0");
  Wait(11, "a1");
  Tell(10, "a0");

  const auto lines = Hear("next:7050");

  EXPECT_THAT(lines, Contains(HasSubstr("close 10: FAILED_PRECONDITION")));
  EXPECT_THAT(lines, Contains(HasSubstr("close 11: FAILED_PRECONDITION")));
  EXPECT_THAT(Lead(2), Not(Contains(HasSubstr("REREGISTERED"))));
}

TEST_F(EarlyReports, WhenTheWaitIsOverWhatWasReportedIsForgotten) {
  Wait(10, "a0");
  Wait(11, "a1");
  Tell(10, "a0");

  driver_.set_now(driver_.now() + driver_.options().leader_wait);

  const auto lines = driver_.Do(runtime::Tick{});
  EXPECT_THAT(lines, Contains(HasSubstr("close 10")));
  EXPECT_THAT(lines, Contains(HasSubstr("close 11")));
}

TEST_F(EarlyReports, AMasterThatStopsSendsAllAway) {
  Wait(10, "a0");
  Wait(11, "a1");
  Tell(10, "a0");

  const auto lines = driver_.Do(Stop{});

  EXPECT_THAT(lines, Contains(HasSubstr("close 10: UNAVAILABLE")));
  EXPECT_THAT(lines, Contains(HasSubstr("close 11: UNAVAILABLE")));
}

TEST_F(EarlyReports, WhoWasAskedAndNeverAnswersIsGivenUpByTheLeader) {
  Wait(10, "a0");
  Lead(1);
  EXPECT_EQ(driver_.books().reports.asked(), 1u);

  EXPECT_THAT(driver_.Advance(driver_.options().agent_unreachable_timeout),
              Contains(HasSubstr("close 10: DEADLINE_EXCEEDED")));
  EXPECT_EQ(driver_.books().reports.asked(), 0u);
}

// A report that comes to the leader before it has come to what its stream said when it waited.
TEST_F(EarlyReports, ALateAnswerIsTheLastWordOfItsStream) {
  for (int i = 0; i < 65; ++i) Wait(10 + i, absl::StrCat("a", i));
  Lead(65);

  EXPECT_THAT(Tell(74, "a64"), Contains("agent 74: REREGISTERED a64 epoch=1"));

  EXPECT_THAT(driver_.Advance(driver_.options().agent_unreachable_timeout),
              Not(Contains(HasSubstr("close 74: DEADLINE_EXCEEDED"))));
}

TEST_F(EarlyReports, AnOldStreamDoesNotReplaceANewerOne) {
  for (int i = 0; i < 65; ++i) {
    Wait(10 + i, absl::StrCat("a", i));
    Tell(10 + i, absl::StrCat("a", i));
  }
  Lead(65);
  ASSERT_EQ(driver_.books().tasks.size(), 64u);
  driver_.Do(Digest(200, "a64", {}));  // started anew, while what it said on stream 74 waits

  EXPECT_THAT(driver_.Advance(absl::ZeroDuration()), Contains(HasSubstr("close 74: ABORTED")));

  EXPECT_EQ(driver_.books().agents.Find(AgentId("a64"))->stream, 200u);
  EXPECT_EQ(driver_.books().tasks.size(), 64u);
}

TEST_F(EarlyReports, NobodyReportsTwiceOrForAnother) {
  Wait(10, "a0");
  Tell(10, "a0");
  EXPECT_THAT(Tell(10, "a0"), Contains(HasSubstr("close 10")));

  Wait(11, "a1");
  EXPECT_THAT(Tell(11, "a2"), Contains(HasSubstr("close 11")));
}

TEST_F(EarlyReports, WhoCameTwiceIsInSessionOnTheNewerStream) {
  Wait(10, "a0");
  Tell(10, "a0");
  Wait(20, "a0");

  EXPECT_THAT(Lead(1), Contains("agent 10: REREGISTERED a0 epoch=1"));
  EXPECT_THAT(Tell(20, "a0"), Contains("agent 20: REREGISTERED a0 epoch=1"));

  EXPECT_EQ(driver_.books().agents.Find(AgentId("a0"))->stream, 20u);
  EXPECT_EQ(driver_.books().tasks.size(), 1u);
}

TEST_F(FewEarlyReports, SoManyAreAskedAtATimeAndForSoManyTasks) {
  EXPECT_THAT(Wait(10, "a0"), ElementsAre(AskedOn(10)));
  EXPECT_THAT(Wait(11, "a1"), ElementsAre(AskedOn(11)));
  EXPECT_THAT(Wait(12, "a2"), IsEmpty());
  EXPECT_THAT(Wait(13, "a3"), IsEmpty());
  EXPECT_THAT(Tell(10, "a0"), ElementsAre(AskedOn(12)));
  // Three tasks are reported or about to be: no room for the fourth.
  EXPECT_THAT(Tell(11, "a1"), IsEmpty());
  EXPECT_THAT(Tell(12, "a2"), IsEmpty());

  EXPECT_THAT(driver_.Do(AgentStreamClosed{10}), IsEmpty());
  EXPECT_THAT(Wait(14, "a4"), ElementsAre(AskedOn(14)));
}

TEST_F(FewEarlyReports, WhoPromisesMoreThanThereIsRoomForIsNotAsked) {
  for (const uint64_t tasks : {uint64_t{4}, ~uint64_t{0}}) {
    AgentReregister liar = Waiting(Digest(10 + tasks % 2, "a0", OneTask("t")));
    liar.digest->tasks = tasks;
    EXPECT_THAT(driver_.Do(std::move(liar)), IsEmpty());
  }
  EXPECT_THAT(Wait(12, "a2"), ElementsAre(AskedOn(12)));
  EXPECT_THAT(Wait(13, "a3"), ElementsAre(AskedOn(13)));
}

TEST_F(FewEarlyReports, WhoReportsMoreThanItPromisedAndThereIsRoomForIsSentAway) {
  Wait(10, "a0");
  std::vector<ReportedTask> tasks;
  for (int i = 0; i < 4; ++i) tasks.push_back(OneTask(absl::StrCat("t", i))[0]);

  EXPECT_THAT(driver_.Do(Waiting(Report(10, "a0", tasks))), Contains(HasSubstr("close 10")));
  EXPECT_THAT(driver_.Do(Waiting(Report(11, "a0", tasks))), Contains(HasSubstr("close 11")));
}

TEST_F(FewEarlyReports, OneThatComesBackOnItsStreamIsAskedOnceForEachTime) {
  Wait(10, "a0");
  Wait(11, "a1");
  Wait(12, "a2");  // not asked yet
  driver_.set_now(driver_.now() + driver_.options().leader_wait);
  driver_.Do(runtime::Tick{});
  Wait(12, "a2");
  driver_.Do(AgentStreamClosed{12});

  EXPECT_THAT(Wait(20, "a0"), ElementsAre(AskedOn(20)));
  EXPECT_THAT(Wait(21, "a1"), ElementsAre(AskedOn(21)));
}

class NoEarlyReports : public EarlyReports {
 protected:
  NoEarlyReports() : EarlyReports(None()) {}
  static MasterOptions None() {
    MasterOptions options = TestOptions();
    options.max_early_tasks = 0;
    return options;
  }
};

TEST_F(NoEarlyReports, NobodyIsAskedBeforeThereIsALeader) {
  EXPECT_THAT(Wait(10, "a0"), IsEmpty());

  EXPECT_THAT(Lead(1), Contains(AskedOn(10)));
}

TEST_F(FewEarlyReports, WhoWasNotAskedReportsToTheLeaderInItsTurn) {
  for (int i = 0; i < 4; ++i) Wait(10 + i, absl::StrCat("a", i));

  EXPECT_THAT(Lead(4), Not(Contains(HasSubstr("SEND_REPORT"))));  // two have still to answer

  EXPECT_THAT(Tell(10, "a0"), Contains(AskedOn(12)));
  EXPECT_THAT(Tell(11, "a1"), Contains(AskedOn(13)));
  Tell(12, "a2");
  Tell(13, "a3");
  EXPECT_EQ(driver_.books().tasks.size(), 4u);
}

// More than are handled at once: who is back first must not beat while the others wait.
TEST_F(FewEarlyReports, ManyThatWaitAreSilentUntilAllAreBack) {
  for (int i = 0; i < 200; ++i) driver_.Do(Waiting(Digest(10 + i, absl::StrCat("a", i), {})));

  Lead(200);

  size_t welcomed = 0;
  for (const Effect& effect : driver_.effects()) {
    const auto* to_agent = std::get_if<ToAgent>(&effect);
    if (to_agent == nullptr) continue;
    const auto* welcome = std::get_if<RegisteredMessage>(&to_agent->message);
    if (welcome == nullptr) continue;
    ++welcomed;
    EXPECT_GE(welcome->first_heartbeat, driver_.options().agent_unreachable_timeout);
  }
  EXPECT_EQ(welcomed, 64u);
  EXPECT_EQ(driver_.books().sessions_waiting, 136u);
  driver_.Advance(absl::ZeroDuration());
  EXPECT_EQ(driver_.books().sessions_waiting, 0u);
  EXPECT_EQ(driver_.books().agents.recovering(), 0u);
}

// A batch of inputs has one time, and its effects leave when it is over.
TEST_F(FewEarlyReports, OtherInputsDoNotHurryThoseThatWait) {
  for (int i = 0; i < 200; ++i) driver_.Do(Waiting(Digest(10 + i, absl::StrCat("a", i), {})));
  Lead(200);

  for (int i = 0; i < 3; ++i) driver_.Do(AgentHeartbeat{10});

  EXPECT_EQ(driver_.books().sessions_waiting, 136u);
}

// Agents on streams from 10 on, of which the first remembers ended tasks, have reported.
class ManyEarlyReports : public EarlyReports {
 protected:
  void AllReport(int agents) {
    for (int i = 0; i < agents; ++i) {
      const std::string id = absl::StrCat("a", i);
      AgentReregister digest = Waiting(Digest(10 + i, id, OneTask("t-" + id)));
      AgentReregister report = Waiting(Report(10 + i, id, OneTask("t-" + id)));
      if (i == 0) digest.agent.ended = {{FrameworkId("f"), 3, driver_.now()}};
      report.agent.ended = digest.agent.ended;
      driver_.Do(std::move(digest));
      driver_.Do(std::move(report));
    }
  }
};

TEST_F(ManyEarlyReports, HistoriesAreAskedForWhenAllAreBack) {
  AllReport(100);

  EXPECT_THAT(Lead(100), Not(Contains(HasSubstr("agent 10: SEND_ENDED"))));
  EXPECT_THAT(driver_.Advance(absl::ZeroDuration()), Contains(HasSubstr("agent 10: SEND_ENDED")));
}

TEST_F(ManyEarlyReports, HistoriesAreAskedForWhenTheLastHasLeft) {
  AllReport(65);
  ASSERT_THAT(Lead(65), Not(Contains(HasSubstr("agent 10: SEND_ENDED"))));
  ASSERT_EQ(driver_.books().tasks.size(), 64u);

  driver_.Do(AgentStreamClosed{74});

  EXPECT_THAT(driver_.Advance(absl::ZeroDuration()), Contains(HasSubstr("agent 10: SEND_ENDED")));
  EXPECT_EQ(driver_.books().tasks.size(), 64u);
}

}  // namespace
}  // namespace meros::master::testing
