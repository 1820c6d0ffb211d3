// Agents that come back with a digest: who is asked for all it runs, how many at a time, and that
// those who wait are not taken for lost.
#include "services/master/core/agent_reports.h"

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

MasterOptions TwoAtATime() {
  MasterOptions options = TestOptions();
  options.max_agent_reports = 2;
  return options;
}

// A new leader that finds agents a0 to a3 in the registry.
class AgentReports : public ::testing::Test {
 protected:
  AgentReports() : driver_(TwoAtATime()) { driver_.Lead(1, SnapshotOf(4)); }
  // What the agent that was welcomed last was told.
  absl::Duration FirstHeartbeat() {
    for (const Effect& effect : driver_.effects()) {
      const auto* to_agent = std::get_if<ToAgent>(&effect);
      if (to_agent == nullptr) continue;
      if (const auto* welcome = std::get_if<RegisteredMessage>(&to_agent->message)) {
        return welcome->first_heartbeat;
      }
    }
    return absl::ZeroDuration();
  }
  AgentState StateOf(const std::string& id) {
    return driver_.books().agents.Find(AgentId(id))->record.state;
  }

  CoreDriver driver_;
};

TEST_F(AgentReports, AnAgentWithNothingIsWelcomeAtOnce) {
  EXPECT_THAT(driver_.Do(Digest(10, "a0", {})), Contains("agent 10: REREGISTERED a0 epoch=1"));
}

TEST_F(AgentReports, AnAgentWithTasksIsAskedForThem) {
  EXPECT_THAT(driver_.Do(Digest(10, "a0", OneTask("t"))), ElementsAre("agent 10: SEND_REPORT"));
  EXPECT_EQ(StateOf("a0"), AgentState::kRecovered);

  EXPECT_THAT(driver_.Do(Report(10, "a0", OneTask("t"))),
              Contains("agent 10: REREGISTERED a0 epoch=1"));
  EXPECT_EQ(driver_.books().tasks.size(), 1u);
}

// Found by killing every service in turn: framework and agent were back in the same moment, and the
// end was told twice, first as an answer without a uuid.
TEST_F(AgentReports, AnEndIsToldByItsUpdateAlone) {
  std::vector<ReportedTask> tasks = OneTask("t");
  tasks[0].state = v1::TASK_FINISHED;
  tasks[0].forwarded_state = v1::TASK_FINISHED;  // to a master that died
  driver_.Do(Digest(10, "a0", tasks));
  driver_.Do(Report(10, "a0", tasks));
  AFramework framework;
  framework.id = "f";
  driver_.Subscribe(1, framework);

  EXPECT_THAT(driver_.Call(1, "f", ReconcileCall{}), IsEmpty());
  EXPECT_THAT(driver_.Call(1, "f", ReconcileCall{{{TaskId("t"), AgentId("a0")}}}), IsEmpty());
  EXPECT_THAT(driver_.Update(10, "f", "t", v1::TASK_FINISHED, "u"),
              ElementsAre(HasSubstr("UPDATE t TASK_FINISHED uuid=u")));
}

TEST_F(AgentReports, SoManyAreAskedAtATime) {
  driver_.Do(Digest(10, "a0", OneTask("t0")));
  driver_.Do(Digest(11, "a1", OneTask("t1")));

  EXPECT_THAT(driver_.Do(Digest(12, "a2", OneTask("t2"))), IsEmpty());
  EXPECT_THAT(driver_.Do(Digest(13, "a3", OneTask("t3"))), IsEmpty());
  EXPECT_EQ(driver_.books().reports.waiting(), 2u);
  EXPECT_THAT(driver_.Do(Report(10, "a0", OneTask("t0"))), Contains("agent 12: SEND_REPORT"));
  EXPECT_THAT(driver_.Do(AgentStreamClosed{11}), ElementsAre("agent 13: SEND_REPORT"));
}

TEST_F(AgentReports, OneThatAsksTwiceForItsTurnHasOne) {
  driver_.Do(Digest(10, "a0", OneTask("t0")));
  driver_.Do(Digest(11, "a1", OneTask("t1")));
  driver_.Do(Digest(12, "a2", OneTask("t2")));
  driver_.Do(Digest(13, "a3", OneTask("t3")));
  driver_.Do(Digest(12, "a2", OneTask("t2")));
  driver_.Do(Digest(21, "a1", OneTask("t1")));  // on another stream, behind all of them
  EXPECT_THAT(driver_.Do(AgentStreamClosed{10}), ElementsAre("agent 12: SEND_REPORT"));
  EXPECT_THAT(driver_.Do(AgentStreamClosed{11}), ElementsAre("agent 13: SEND_REPORT"));

  EXPECT_THAT(driver_.Do(Report(13, "a3", OneTask("t3"))), Contains("agent 21: SEND_REPORT"));

  driver_.Do(Report(12, "a2", OneTask("t2")));
  driver_.Do(Report(21, "a1", OneTask("t1")));
  EXPECT_EQ(driver_.books().reports.asked(), 0u);
}

TEST_F(AgentReports, OneThatNeverAnswersMakesRoom) {
  driver_.Do(Digest(10, "a0", OneTask("t0")));
  driver_.Do(Digest(11, "a1", OneTask("t1")));
  driver_.Do(Digest(12, "a2", OneTask("t2")));
  driver_.Do(Report(11, "a1", OneTask("t1")));

  const auto lines = driver_.Advance(driver_.options().agent_unreachable_timeout);

  EXPECT_THAT(lines, Contains(HasSubstr("close 10: DEADLINE_EXCEEDED")));
  EXPECT_EQ(driver_.books().reports.waiting(), 0u);
}

TEST_F(AgentReports, OneThatWaitsIsNotTakenForLost) {
  driver_.Do(Digest(10, "a0", OneTask("t0")));
  driver_.Do(Digest(11, "a1", OneTask("t1")));
  driver_.Advance(driver_.options().agent_reregister_timeout - absl::Seconds(20));
  driver_.Do(Digest(20, "a0", OneTask("t0")));
  driver_.Do(Digest(21, "a1", OneTask("t1")));
  driver_.Do(Digest(22, "a2", OneTask("t2")));

  driver_.Advance(absl::Seconds(12));

  EXPECT_EQ(StateOf("a2"), AgentState::kRecovered);
  driver_.Advance(absl::Seconds(20));
  EXPECT_NE(StateOf("a3"), AgentState::kRecovered);
}

TEST_F(AgentReports, WhileOthersWaitNobodyIsTakenForLost) {
  driver_.Do(Digest(10, "a0", {}));  // and from now on it is silent
  const auto rush = [&](StreamId first) {
    for (int i = 0; i < 3; ++i) {
      driver_.Do(AgentStreamClosed{first - 10 + i});
      driver_.Do(Digest(first + i, absl::StrCat("a", 1 + i), OneTask(absl::StrCat("t", i))));
    }
  };
  for (StreamId stream : {11, 21, 31}) {
    rush(stream);
    ASSERT_EQ(driver_.books().reports.waiting(), 1u);
    driver_.Advance(driver_.options().agent_unreachable_timeout - absl::Seconds(1));
  }
  EXPECT_EQ(StateOf("a0"), AgentState::kRegistered);

  for (int i = 0; i < 3; ++i) {
    driver_.Do(Report(31 + i, absl::StrCat("a", 1 + i), OneTask(absl::StrCat("t", i))));
  }
  driver_.Advance(2 * driver_.options().agent_unreachable_timeout);

  EXPECT_NE(StateOf("a0"), AgentState::kRegistered);
}

TEST_F(AgentReports, WhoIsWelcomedWhileOthersWaitIsAskedToBeSilent) {
  const MasterOptions& options = driver_.options();
  for (int i = 0; i < 3; ++i) {
    driver_.Do(Digest(10 + i, absl::StrCat("a", i), OneTask(absl::StrCat("t", i))));
  }

  driver_.Do(Report(10, "a0", OneTask("t0")));
  EXPECT_EQ(FirstHeartbeat(), options.agent_unreachable_timeout);
  driver_.Do(Report(11, "a1", OneTask("t1")));
  EXPECT_EQ(FirstHeartbeat(), options.AgentHeartbeatInterval(4));
  driver_.Do(Report(12, "a2", OneTask("t2")));

  // From when it should have spoken, it has as long as others.
  driver_.Do(AgentHeartbeat{10});  // too early, and no harm
  driver_.Advance(2 * options.agent_unreachable_timeout - options.AgentHeartbeatInterval(4) -
                  absl::Milliseconds(1));
  EXPECT_EQ(StateOf("a0"), AgentState::kRegistered);
  EXPECT_NE(StateOf("a1"), AgentState::kRegistered);
  driver_.Advance(absl::Milliseconds(1));
  EXPECT_NE(StateOf("a0"), AgentState::kRegistered);
}

// A timer of an earlier session may come in a silence that was asked for.
TEST_F(AgentReports, WhoCameBackTwiceMayBeSilentAllTheSame) {
  const MasterOptions& options = driver_.options();
  driver_.Do(Report(9, "a0", OneTask("t0")));
  driver_.Advance(options.AgentHeartbeatInterval(4));
  driver_.Do(AgentStreamClosed{9});
  for (int i = 1; i < 4; ++i) {
    driver_.Do(Digest(10 + i, absl::StrCat("a", i), OneTask(absl::StrCat("t", i))));
  }
  driver_.Advance(absl::Seconds(4));
  driver_.Do(Report(10, "a0", OneTask("t0")));
  const absl::Duration first = FirstHeartbeat();
  ASSERT_GT(first, options.agent_unreachable_timeout);

  driver_.Advance(absl::Seconds(5));  // past the first session's timer
  for (int i = 1; i < 4; ++i) {
    driver_.Do(Report(10 + i, absl::StrCat("a", i), OneTask(absl::StrCat("t", i))));
  }
  ASSERT_EQ(driver_.books().reports.waiting(), 0u);
  driver_.Advance(first - absl::Seconds(5));

  EXPECT_EQ(StateOf("a0"), AgentState::kRegistered);
}

TEST_F(AgentReports, WhoseStreamEndsInThatSilenceIsMissedAsAlways) {
  for (int i = 0; i < 3; ++i) {
    driver_.Do(Digest(10 + i, absl::StrCat("a", i), OneTask(absl::StrCat("t", i))));
  }
  for (int i = 0; i < 3; ++i) {
    driver_.Do(Report(10 + i, absl::StrCat("a", i), OneTask(absl::StrCat("t", i))));
    if (i == 0) EXPECT_EQ(FirstHeartbeat(), driver_.options().agent_unreachable_timeout);
  }

  driver_.Do(AgentStreamClosed{10});

  driver_.Advance(driver_.options().agent_unreachable_timeout - absl::Milliseconds(1));
  EXPECT_EQ(StateOf("a0"), AgentState::kDisconnected);
  driver_.Advance(absl::Milliseconds(1));
  EXPECT_EQ(StateOf("a0"), AgentState::kMarkingUnreachable);
}

TEST_F(AgentReports, TheyAreSilentForAsLongAsTheOthersAreLikelyToTake) {
  for (int i = 0; i < 3; ++i) {
    driver_.Do(Digest(10 + i, absl::StrCat("a", i), OneTask(absl::StrCat("t", i))));
  }
  driver_.Advance(absl::Seconds(4));  // and all four are still missing
  driver_.Do(Report(10, "a0", OneTask("t0")));
  EXPECT_EQ(FirstHeartbeat(), absl::Seconds(16));
}

TEST_F(AgentReports, AKnownAgentThatRunsTheSameIsNotAsked) {
  driver_.Do(Report(10, "a0", OneTask("t")));
  driver_.Do(AgentStreamClosed{10});

  const auto lines = driver_.Do(Digest(11, "a0", OneTask("t")));

  EXPECT_THAT(lines, Contains("agent 11: REREGISTERED a0 epoch=1"));
  EXPECT_THAT(lines, Not(Contains(HasSubstr("SEND_REPORT"))));
  EXPECT_EQ(driver_.books().tasks.size(), 1u);
}

TEST_F(AgentReports, AKnownAgentWhoseTaskEndedMeanwhileIsAsked) {
  driver_.Do(Report(10, "a0", OneTask("t")));
  driver_.Do(AgentStreamClosed{10});

  auto ended = OneTask("t");
  ended[0].state = v1::TASK_FAILED;
  EXPECT_THAT(driver_.Do(Digest(11, "a0", ended)), ElementsAre("agent 11: SEND_REPORT"));
}

TEST_F(AgentReports, ReadersSeeHowManyOfHowManyAreMissing) {
  driver_.Do(Digest(10, "a0", {}));

  const LeadershipRecord* last = nullptr;
  for (const Effect& effect : driver_.effects()) {
    const auto* publish = std::get_if<Publish>(&effect);
    if (publish == nullptr) continue;
    if (const auto* record = std::get_if<LeadershipRecord>(&publish->change)) last = record;
  }
  ASSERT_NE(last, nullptr);
  EXPECT_EQ(last->agents_recovering, 3u);
  EXPECT_EQ(last->agents_to_recover, 4u);
}

}  // namespace
}  // namespace meros::master::testing
