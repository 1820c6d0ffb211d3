// Goal: what ended before this master led is in its histories again, of each framework the newest;
// agents are asked after all reports, few at a time, and only for what has a place; what was not
// asked for is not believed. Method: inputs in, effects out, on a new leader.
#include "services/master/core/agent_histories.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "services/master/core/testing/driver.h"

namespace meros::master::testing {
namespace {

using resources::Resources;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using Lines = std::vector<std::string>;

MasterOptions ThreeEnded() {
  MasterOptions options = TestOptions();
  options.max_completed_tasks_per_framework = 3;
  return options;
}

// That ended `second` seconds after the epoch.
ReportedTask EndedAt(const std::string& id, double second) {
  ReportedTask task = AReportedTask(id, "f", v1::TASK_FINISHED, Resources::Of(1, 64));
  v1::TaskStatus status;
  status.set_state(v1::TASK_FINISHED);
  status.set_timestamp(second);
  task.statuses.Add(status);
  return task;
}

AgentEndedTasks Answer(StreamId stream, const std::string& agent, std::vector<ReportedTask> tasks,
                       bool more = false) {
  return {stream, AgentId(agent), std::move(tasks), more};
}

// A new leader that finds framework f and 40 agents, a0 to a39, in the registry. Agent aN comes on
// stream 100 + N.
class AgentHistories : public ::testing::Test {
 protected:
  static constexpr int kAgents = 40;

  AgentHistories() : driver_(ThreeEnded()) {
    RegistrySnapshot snapshot;
    for (int i = 0; i < kAgents; ++i) {
      const std::string id = absl::StrCat("a", i);
      RegistrySnapshot::AgentEntry agent;
      agent.id = AgentId(id);
      agent.registration_key = "k" + id;
      agent.info = DescriptionOf("k" + id, Resources::Of(4, 4096), id).info;
      snapshot.agents.push_back(std::move(agent));
    }
    driver_.Lead(1, std::move(snapshot));
    AFramework framework;
    framework.id = "f";
    driver_.Subscribe(1, framework);
    driver_.CommitWrites();
  }

  // Agent aN returns; it runs nothing unless `runs` is set, and remembers so many tasks of f, the
  // newest of which ended at that second.
  Lines Return(int number, size_t tasks, double newest, bool runs = false) {
    const std::string id = absl::StrCat("a", number);
    AgentReregister message;
    message.stream = 100 + number;
    message.agent_id = AgentId(id);
    message.agent = DescriptionOf("k" + id, Resources::Of(4, 4096), id);
    message.agent.ended = {{FrameworkId("f"), tasks, absl::UnixEpoch() + absl::Seconds(newest)}};
    message.digest.emplace();
    if (runs) message.digest->Add("f", "running", v1::TASK_RUNNING);
    return driver_.Do(std::move(message));
  }
  std::vector<std::string> History() {
    std::vector<std::string> ids;
    for (const Task& task : driver_.books().frameworks.Find(FrameworkId("f"))->completed) {
      ids.push_back(task.id().value());
    }
    return ids;
  }

  CoreDriver driver_;
};

TEST_F(AgentHistories, AnAgentIsAskedForWhatItRemembers) {
  EXPECT_THAT(Return(0, 2, 10), Contains("agent 100: SEND_ENDED_TASKS f:2"));

  driver_.Do(Answer(100, "a0", {EndedAt("y", 10), EndedAt("x", 5)}));

  EXPECT_THAT(History(), ElementsAre("x", "y"));
  EXPECT_EQ(driver_.books().histories.asked(), 0u);
}

TEST_F(AgentHistories, WhatTheyTellIsInTheOrderInWhichItEnded) {
  Return(0, 2, 10);
  Return(1, 1, 7);
  driver_.Do(Answer(101, "a1", {EndedAt("middle", 7)}));
  driver_.Do(Answer(100, "a0", {EndedAt("last", 10)}, /*more=*/true));

  driver_.Do(Answer(100, "a0", {EndedAt("first", 5)}));

  EXPECT_THAT(History(), ElementsAre("first", "middle", "last"));
}

TEST_F(AgentHistories, OnlyWhatIsNewerThanAFullHistoryIsWanted) {
  Return(0, 3, 30);
  driver_.Do(Answer(100, "a0", {EndedAt("c", 30), EndedAt("b", 20), EndedAt("a", 10)}));

  EXPECT_THAT(Return(1, 5, 10), Not(Contains(HasSubstr("SEND_ENDED_TASKS"))));
  EXPECT_THAT(Return(2, 5, 15), Contains("agent 102: SEND_ENDED_TASKS f:3 after 10"));

  driver_.Do(Answer(102, "a2", {EndedAt("new", 15), EndedAt("old", 9)}));
  EXPECT_THAT(History(), ElementsAre("new", "b", "c"));
}

TEST_F(AgentHistories, FirstComeTheReports) {
  ASSERT_THAT(Return(0, 1, 10, /*runs=*/true), Contains("agent 100: SEND_REPORT"));
  EXPECT_THAT(Return(1, 1, 10), Not(Contains(HasSubstr("SEND_ENDED_TASKS"))));

  EXPECT_THAT(driver_.Do(AgentStreamClosed{100}), Contains("agent 101: SEND_ENDED_TASKS f:1"));
}

TEST_F(AgentHistories, FewAreAskedAtATime) {
  for (int i = 0; i < kAgents; ++i) Return(i, 1, 10);
  ASSERT_EQ(driver_.books().histories.asked(), 16u);
  ASSERT_EQ(driver_.books().histories.waiting(), kAgents - 16u);

  EXPECT_THAT(driver_.Do(Answer(100, "a0", {EndedAt("t", 10)})),
              Contains("agent 116: SEND_ENDED_TASKS f:1"));
  EXPECT_THAT(driver_.Do(AgentStreamClosed{101}), Contains("agent 117: SEND_ENDED_TASKS f:1"));
}

TEST_F(AgentHistories, ThoseOfWhomNothingIsWantedAnyMoreAreNotAsked) {
  for (int i = 0; i < kAgents; ++i) Return(i, 1, i < 16 ? 50 : 10);
  for (int i = 0; i < 16; ++i) {
    driver_.Do(Answer(100 + i, absl::StrCat("a", i), {EndedAt(absl::StrCat("t", i), 50)}));
  }
  driver_.Advance(absl::Milliseconds(10));

  EXPECT_EQ(driver_.books().histories.asked(), 2u) << "before the history was full";
  EXPECT_EQ(driver_.books().histories.waiting(), 0u);
  driver_.Do(Answer(116, "a16", {EndedAt("old", 10)}));
  EXPECT_EQ(driver_.books().histories.asked(), 1u);
  EXPECT_THAT(History(), Not(Contains("old")));
  EXPECT_EQ(History().size(), 3u);
}

TEST_F(AgentHistories, OneThatNeverAnswersMakesRoomAndStays) {
  for (int i = 0; i < 17; ++i) Return(i, 1, 10);

  const Lines lines = driver_.Advance(driver_.options().agent_unreachable_timeout / 2);
  EXPECT_THAT(lines, Not(Contains("agent 116: SEND_ENDED_TASKS f:1")));
  for (int i = 0; i < 17; ++i) driver_.Do(AgentHeartbeat{StreamId(100 + i)});

  EXPECT_THAT(driver_.Advance(driver_.options().agent_unreachable_timeout / 2),
              Contains("agent 116: SEND_ENDED_TASKS f:1"));
  EXPECT_TRUE(driver_.books().agents.Find(AgentId("a0"))->is_active());
}

TEST_F(AgentHistories, AnAgentThatComesAgainIsNotAskedAgain) {
  Return(0, 1, 10);
  driver_.Do(Answer(100, "a0", {EndedAt("t", 10)}));
  driver_.Do(AgentStreamClosed{100});

  EXPECT_THAT(Return(0, 1, 10), Not(Contains(HasSubstr("SEND_ENDED_TASKS"))));
}

TEST_F(AgentHistories, OneThatLeftBeforeItAnsweredIsAskedAgain) {
  Return(0, 1, 10);
  driver_.Do(AgentStreamClosed{100});

  EXPECT_THAT(Return(0, 1, 10), Contains("agent 100: SEND_ENDED_TASKS f:1"));
}

TEST_F(AgentHistories, TasksOfUnknownFrameworksAreNotAskedFor) {
  AgentReregister message;
  message.stream = 100;
  message.agent_id = AgentId("a0");
  message.agent = DescriptionOf("ka0", Resources::Of(4, 4096), "a0");
  message.agent.ended = {{FrameworkId("gone"), 1, absl::UnixEpoch() + absl::Seconds(10)}};
  message.digest.emplace();

  EXPECT_THAT(driver_.Do(std::move(message)), Not(Contains(HasSubstr("SEND_ENDED_TASKS"))));
}

TEST_F(AgentHistories, ATaskThatIsKnownDoesNotComeTwice) {
  Return(0, 2, 10);

  driver_.Do(Answer(100, "a0", {EndedAt("t", 10), EndedAt("t", 9)}));

  EXPECT_THAT(History(), ElementsAre("t"));
}

TEST_F(AgentHistories, WhatWasNotAskedForIsNotBelieved) {
  Return(0, 0, 10);

  driver_.Do(Answer(100, "a0", {EndedAt("lie", 10)}));

  EXPECT_TRUE(driver_.Counts(Count::kAgentHistoryDisputed));
  EXPECT_THAT(History(), IsEmpty());
  EXPECT_TRUE(driver_.books().agents.Find(AgentId("a0"))->is_active());
}

TEST_F(AgentHistories, MoreThanWasAskedForEndsTheSession) {
  Return(0, 1, 10);

  EXPECT_THAT(driver_.Do(Answer(100, "a0", {EndedAt("t", 10), EndedAt("u", 10)})),
              Contains(HasSubstr("close 100: INVALID_ARGUMENT")));
  EXPECT_THAT(History(), IsEmpty());
  EXPECT_EQ(driver_.books().histories.asked(), 0u);
}

TEST_F(AgentHistories, OneThatLeavesIsNotHeardAnyMore) {
  Return(0, 1, 10);
  driver_.Do(AgentUnregister{100, "test"});

  driver_.Do(Answer(100, "a0", {EndedAt("t", 10), EndedAt("u", 10)}));

  EXPECT_EQ(driver_.books().agents.Find(AgentId("a0"))->record.state, AgentState::kRemoving);
  EXPECT_THAT(History(), IsEmpty());
}

TEST_F(AgentHistories, AnotherAgentsTasksEndTheSession) {
  Return(0, 1, 10);

  EXPECT_THAT(driver_.Do(Answer(100, "a1", {EndedAt("t", 10)})),
              Contains(HasSubstr("close 100: INVALID_ARGUMENT")));
  EXPECT_THAT(History(), IsEmpty());
}

}  // namespace
}  // namespace meros::master::testing
