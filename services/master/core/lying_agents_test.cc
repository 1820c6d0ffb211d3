// Goal: an agent that lies harms nobody but itself: it is not believed, it is counted, what belongs
// to others stays as it was, and the leader goes on. Method: inputs in, effects out; an honest
// agent and its task stand beside the liar, and the invariants are checked at every step
// (driver.h).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/master/core/testing/driver.h"

namespace meros::master::testing {
namespace {

using resources::Resources;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

using Lines = std::vector<std::string>;

// Framework m-0000 on stream 1; the honest agent m-S0 on stream 2 runs its task "honest"; the liar
// is agent m-S1 on stream 3.
class LyingAgent : public ::testing::Test {
 protected:
  explicit LyingAgent(MasterOptions options = TestOptions()) : driver_(options) {
    driver_.Lead();
    driver_.ConnectAllocator();
    driver_.Subscribe(1);
    driver_.CommitWrites();
    driver_.Register(2, "honest-key", kAll);
    driver_.Register(3, "liar-key", kAll);
    driver_.Propose(1, "m-0000", "m-S0", Resources::Of(2, 512));
    Launch("honest", "m-S0");
    driver_.Update(2, "m-0000", "honest", v1::TASK_RUNNING, "u1");
  }

  // The honest agent's session and task are as they were, and the leader takes a launch.
  void TearDown() override {
    const Agent* honest = driver_.books().agents.Find(AgentId("m-S0"));
    ASSERT_NE(honest, nullptr);
    EXPECT_EQ(honest->record.state, AgentState::kRegistered);
    EXPECT_EQ(honest->stream, 2u);
    const Framework* framework = driver_.books().frameworks.Find(FrameworkId("m-0000"));
    const Task* task = framework->FindTask(TaskId("honest"));
    ASSERT_NE(task, nullptr);
    EXPECT_EQ(task->state, v1::TASK_RUNNING);
    EXPECT_EQ(task->agent_id(), AgentId("m-S0"));
    driver_.Propose(99, "m-0000", "m-S0", Resources::Of(1, 64));
    EXPECT_THAT(Launch("after", "m-S0"), Contains("agent 2: RUN after role=*"));
  }

  Lines Launch(const std::string& task, const std::string& agent) {
    return driver_.Call(1, "m-0000",
                        Accept{{driver_.Offer(++offers_)},
                               {LaunchOperation{{ATask(task, agent, Resources::Of(1, 64))}}},
                               absl::Seconds(5)});
  }
  AgentReregister Report(StreamId stream, const std::string& id, const std::string& key) {
    AgentReregister message;
    message.stream = stream;
    message.agent_id = AgentId(id);
    message.agent = DescriptionOf(key, kAll, id);
    message.frameworks.push_back({FrameworkId("m-0000"), SubscriptionOf({.id = "m-0000"})});
    return message;
  }

  const Resources kAll = Resources::Of(4, 4096);
  CoreDriver driver_;
  uint64_t offers_ = 0;
};

TEST_F(LyingAgent, DoesNotTakeAnothersId) {
  const Lines lines = driver_.Do(Report(4, "m-S0", "liar-key"));

  EXPECT_THAT(lines, Contains(HasSubstr("close 4")));
  EXPECT_THAT(lines, Not(Contains(HasSubstr("close 2"))));
  EXPECT_EQ(driver_.Counts(Count::kAgentIdDisputed), 1u);
}

TEST_F(LyingAgent, DoesNotTakeAnothersIdByADigestEither) {
  AgentReregister message = Report(4, "m-S0", "");
  message.frameworks.clear();
  message.digest = tasks::HoldingsDigest();

  EXPECT_THAT(driver_.Do(std::move(message)), Contains(HasSubstr("close 4")));
  EXPECT_EQ(driver_.Counts(Count::kAgentIdDisputed), 1u);
}

TEST_F(LyingAgent, IsNotTwoAgentsOnOneSession) {
  EXPECT_THAT(driver_.Do(AgentRegister{3, DescriptionOf("second-key", kAll)}),
              ElementsAre(HasSubstr("close 3")));
  EXPECT_EQ(driver_.Counts(Count::kAgentIdDisputed), 1u);
  EXPECT_THAT(driver_.Do(Report(3, "stranger", "third-key")), ElementsAre(HasSubstr("close 3")));
  EXPECT_EQ(driver_.Counts(Count::kAgentIdDisputed), 1u);
}

TEST_F(LyingAgent, DoesNotEndAnothersTask) {
  const Lines lines = driver_.Update(3, "m-0000", "honest", v1::TASK_FAILED, "u9");

  EXPECT_THAT(lines, Not(Contains(HasSubstr("scheduler 1"))));
  // The framework will not acknowledge what it does not hear, and so the master does.
  EXPECT_THAT(lines, Contains(HasSubstr("agent 3: ACK")));
  EXPECT_EQ(driver_.Counts(Count::kAgentTaskDisputed), 1u);
}

TEST_F(LyingAgent, DoesNotSpeakInAnothersName) {
  auto status = std::make_shared<v1::TaskStatus>();
  status->mutable_task_id()->set_value("unknown");
  status->mutable_agent_id()->set_value("m-S0");
  status->set_state(v1::TASK_LOST);
  status->set_uuid("u9");
  AgentStatusUpdate update;
  update.stream = 3;
  update.framework_id = FrameworkId("m-0000");
  update.task_id = TaskId("unknown");
  update.status = status;
  update.latest_state = v1::TASK_LOST;

  EXPECT_THAT(driver_.Do(std::move(update)), Not(Contains(HasSubstr("scheduler 1"))));
  EXPECT_EQ(driver_.Counts(Count::kAgentTaskDisputed), 1u);
}

TEST_F(LyingAgent, IsToldToKillAnothersTaskThatItReports) {
  AgentReregister message = Report(3, "m-S1", "liar-key");
  message.tasks = {AReportedTask("honest", "m-0000", v1::TASK_RUNNING, Resources::Of(1, 64))};

  const Lines lines = driver_.Do(std::move(message));

  EXPECT_THAT(lines, Contains(HasSubstr("agent 3: KILL honest")));
  EXPECT_EQ(driver_.Counts(Count::kAgentTaskDisputed), 1u);
}

TEST_F(LyingAgent, ReportsOfTasksItNeverGotCountOnItsOwnResourcesOnly) {
  AgentReregister message = Report(3, "m-S1", "liar-key");
  for (int i = 0; i < 10; ++i) {
    message.tasks.push_back(AReportedTask("made-up-" + std::to_string(i), "m-0000",
                                          v1::TASK_RUNNING, Resources::Of(1, 1024)));
  }

  driver_.Do(std::move(message));

  const Agent* liar = driver_.books().agents.Find(AgentId("m-S1"));
  EXPECT_EQ(liar->record.used, kAll);  // four of the ten; the others hold nothing
  const Agent* honest = driver_.books().agents.Find(AgentId("m-S0"));
  EXPECT_EQ(honest->record.used, Resources::Of(1, 64));
}

TEST_F(LyingAgent, UpdatesOfUnknownFrameworksReachNobody) {
  const Lines lines = driver_.Update(3, "nobody", "t", v1::TASK_RUNNING, "u9");

  EXPECT_THAT(lines, Not(Contains(HasSubstr("scheduler"))));
  EXPECT_EQ(driver_.Counts(Count::kInvalidStatusUpdates), 1u);
}

TEST_F(LyingAgent, ExecutorsOfUnknownFrameworksAreNotTaken) {
  AgentReregister message = Report(3, "m-S1", "liar-key");
  message.executors.push_back(Executor{FrameworkId("nobody"), ExecutorId("e"), "*",
                                       Resources::Of(1, 64),
                                       std::make_shared<const v1::ExecutorInfo>()});
  // Larger than the agent.
  message.executors.push_back(Executor{FrameworkId("m-0000"), ExecutorId("huge"), "*",
                                       Resources::Of(400, 64),
                                       std::make_shared<const v1::ExecutorInfo>()});

  driver_.Do(std::move(message));

  const Agent* liar = driver_.books().agents.Find(AgentId("m-S1"));
  EXPECT_EQ(liar->executors.size(), 1u);
  EXPECT_TRUE(liar->record.used.empty());
}

TEST_F(LyingAgent, LosesItsSessionWhenItsTotalIsLessThanWhatIsUsed) {
  driver_.Propose(2, "m-0000", "m-S1", Resources::Of(2, 512));
  Launch("on-the-liar", "m-S1");

  const Lines lines = driver_.Do(AgentTotalChanged{3, Resources::Of(0, 16), "v2"});

  EXPECT_THAT(lines, Contains(HasSubstr("close 3")));
  EXPECT_EQ(driver_.Counts(Count::kAgentTotalDisputed), 1u);
  EXPECT_EQ(driver_.books().agents.Find(AgentId("m-S1"))->record.total, kAll);

  AgentReregister again = Report(5, "m-S1", "liar-key");
  again.agent.total = Resources::Of(0, 16);
  again.tasks.push_back(
      AReportedTask("on-the-liar", "m-0000", v1::TASK_RUNNING, Resources::Of(1, 64)));
  EXPECT_THAT(driver_.Do(std::move(again)), Contains(HasSubstr("close 5")));
  EXPECT_EQ(driver_.Counts(Count::kAgentTotalDisputed), 1u);
}

TEST_F(LyingAgent, MessagesBeforeAdmissionChangeNothing) {
  for (StreamId stream : {77u, 78u}) {
    EXPECT_THAT(driver_.Update(stream, "m-0000", "honest", v1::TASK_FAILED, "u9"),
                Not(Contains(HasSubstr("scheduler 1"))));
    EXPECT_THAT(driver_.Do(AgentTotalChanged{stream, Resources::Of(1, 1), "v"}),
                ElementsAre(HasSubstr("close")));
    driver_.Do(AgentUnregister{stream, "bye"});
  }
}

TEST_F(LyingAgent, AnEpochThatIsYetToComeEndsItsOwnSessionOnly) {
  AgentReregister message = Report(4, "m-S1", "liar-key");
  message.agent.epoch_seen = ~uint64_t{0};

  EXPECT_THAT(driver_.Do(std::move(message)), ElementsAre(HasSubstr("close 4")));
  EXPECT_EQ(driver_.core().leadership(), LeadershipState::kLeading);
}

// m-0000's operation "reserve" on the honest agent, of which the liar says what it likes.
TEST_F(LyingAgent, DoesNotEndAnothersOperation) {
  Operation operation;
  operation.uuid = "0123456789abcdef";
  operation.id = "reserve";
  AgentReregister honest = Report(2, "m-S0", "honest-key");
  honest.tasks = {AReportedTask("honest", "m-0000", v1::TASK_RUNNING, Resources::Of(1, 64))};
  auto info = std::make_shared<v1::Offer::Operation>();
  info->set_type(v1::Offer::Operation::RESERVE);
  info->mutable_id()->set_value("reserve");
  auto pending = std::make_shared<v1::OperationStatus>();
  pending->set_state(v1::OPERATION_PENDING);
  honest.operations.push_back({operation.uuid, FrameworkId("m-0000"), info, pending});
  driver_.Do(std::move(honest));

  auto failed = std::make_shared<v1::OperationStatus>();
  failed->set_state(v1::OPERATION_FAILED);
  failed->mutable_uuid()->set_value("u");
  const Lines lines = driver_.Do(AgentOperationUpdate{3, operation.uuid, failed});
  EXPECT_THAT(lines, Not(Contains(HasSubstr("scheduler 1"))));
  EXPECT_EQ(driver_.Counts(Count::kAgentOperationDisputed), 1u);

  // Nor does it take its name for one of its own.
  AgentReregister liar = Report(3, "m-S1", "liar-key");
  liar.operations.push_back({"fedcba9876543210", FrameworkId("m-0000"), info, failed});
  driver_.Do(std::move(liar));
  EXPECT_EQ(driver_.Counts(Count::kAgentOperationDisputed), 1u);
  const Operation* named = driver_.books().operations.FindByName(FrameworkId("m-0000"), "reserve");
  ASSERT_NE(named, nullptr);
  EXPECT_EQ(named->agent_id, AgentId("m-S0"));
  driver_.Do(AgentOperationUpdate{3, "fedcba9876543210", failed});
}

class LyingAgentOfAFullMaster : public LyingAgent {
 protected:
  LyingAgentOfAFullMaster() : LyingAgent(Options()) {}
  static MasterOptions Options() {
    MasterOptions options = TestOptions();
    options.max_frameworks = 3;
    return options;
  }
};

TEST_F(LyingAgentOfAFullMaster, DoesNotFillItWithFrameworks) {
  AgentReregister message = Report(3, "m-S1", "liar-key");
  for (int i = 0; i < 3; ++i) {
    const std::string id = "made-up-" + std::to_string(i);
    message.frameworks.push_back({FrameworkId(id), SubscriptionOf({.id = id})});
  }

  EXPECT_THAT(driver_.Do(std::move(message)), Contains(HasSubstr("close 3")));
  EXPECT_EQ(driver_.Counts(Count::kAgentFrameworksDisputed), 1u);
  EXPECT_EQ(driver_.books().frameworks.size(), 1u);
}

// An agent whose updates nobody acknowledges sends them again and again.
TEST_F(LyingAgent, RepeatedUpdatesLeaveNothingBehind) {
  driver_.Propose(2, "m-0000", "m-S1", Resources::Of(2, 512));
  Launch("on-the-liar", "m-S1");
  for (int i = 0; i < 100; ++i) {
    driver_.Update(3, "m-0000", "on-the-liar", v1::TASK_RUNNING, "u2");
    driver_.Update(3, "m-0000", "never-launched-" + std::to_string(i), v1::TASK_RUNNING, "u3");
  }
  EXPECT_EQ(driver_.books().tasks.all().size(), 2u);
}

}  // namespace
}  // namespace meros::master::testing
