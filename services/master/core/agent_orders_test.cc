// What operators order about agents: durable first, through loss, return and fail-over, and what
// becomes of tasks and offers.
#include "services/master/core/agent_orders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/master/core/testing/ordered_agent.h"

namespace meros::master::testing {
namespace {

using resources::Resources;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using Kind = OperatorAgentOrder::Kind;
using Drain = AgentOrders::Drain;

class AgentOrdersTest : public OrderedAgentTest {};

// ---- Deactivated ----

TEST_F(AgentOrdersTest, DeactivatingTakesOffersBackWhenItIsDurable) {
  driver_->Propose(1, "m-0000", "m-S0", Resources::Of(1, 64));

  const auto before = Order(Kind::kDeactivate);
  EXPECT_THAT(before, ElementsAre(HasSubstr("ORDERS m-S0 deactivated")));
  const auto after = driver_->CommitWrites();

  EXPECT_THAT(after, Contains("scheduler 1: RESCIND #1"));
  EXPECT_THAT(after, Contains(HasSubstr("AGENT m-S0 inactive")));
  EXPECT_THAT(after, Contains("reply 101: OK"));
  EXPECT_THAT(driver_->Propose(2, "m-0000", "m-S0", Resources::Of(1, 64)),
              Contains(HasSubstr("RESULT 2")));
  EXPECT_EQ(driver_->books().offers.size(), 0u);
}

TEST_F(AgentOrdersTest, TasksOfADeactivatedAgentGoOnAndItStaysSoWhenItReturns) {
  RunATask();
  OrderDurably(Kind::kDeactivate);
  driver_->Do(AgentStreamClosed{2});

  const auto lines = driver_->Do(Return(3, {RunningTask()}));

  EXPECT_THAT(lines, Contains("agent 3: REREGISTERED m-S0 epoch=1"));
  EXPECT_FALSE(Record().may_offer());
  EXPECT_EQ(driver_->books().tasks.size(), 1u);
}

TEST_F(AgentOrdersTest, ReactivatingOffersAgainAndIsRefusedWhenThereIsNothingToEnd) {
  EXPECT_THAT(Order(Kind::kReactivate), Contains(HasSubstr("reply 101: FAILED_PRECONDITION")));
  OrderDurably(Kind::kDeactivate);

  const auto lines = OrderDurably(Kind::kReactivate);

  EXPECT_THAT(lines, Contains(HasSubstr("AGENT m-S0 active")));
  EXPECT_THAT(lines, Contains("reply 103: OK"));
  EXPECT_TRUE(Record().may_offer());
}

TEST_F(AgentOrdersTest, WhatIsInForceIsNotWrittenAgainAndUnknownAgentsAreRefused) {
  OrderDurably(Kind::kDeactivate);

  EXPECT_THAT(Order(Kind::kDeactivate), ElementsAre("reply 102: OK"));
  EXPECT_THAT(Order(Kind::kDrain, "nobody"), ElementsAre(HasSubstr("reply 103: NOT_FOUND")));
}

TEST_F(AgentOrdersTest, OrdersOfOneAgentActInTheirOrder) {
  Order(Kind::kDeactivate);
  EXPECT_THAT(Order(Kind::kReactivate), IsEmpty());

  const auto lines = driver_->CommitWrites();

  EXPECT_THAT(lines, Contains("reply 101: OK"));
  EXPECT_THAT(lines, Contains("reply 102: OK"));
  EXPECT_TRUE(Record().may_offer());
}

TEST_F(AgentOrdersTest, ARepeatedRequestHasOneEffectAndTheSameAnswer) {
  Order(Kind::kDeactivate, "m-S0", "r");
  EXPECT_THAT(Order(Kind::kDeactivate, "m-S0", "r"), IsEmpty());
  const auto lines = driver_->CommitWrites();
  EXPECT_THAT(lines, Contains("reply 101: OK"));
  EXPECT_THAT(lines, Contains("reply 102: OK"));

  OrderDurably(Kind::kReactivate);
  EXPECT_THAT(Order(Kind::kDeactivate, "m-S0", "r"), ElementsAre("reply 104: OK"));
  EXPECT_TRUE(Record().may_offer());
}

// Mesos asks to try again later.
TEST_F(AgentOrdersTest, Row20AnOrderThatComesWhileTheAgentIsLostWaitsForThat) {
  driver_->Advance(absl::Seconds(16));
  ASSERT_EQ(Record().state, AgentState::kMarkingUnreachable);
  EXPECT_THAT(Order(Kind::kDeactivate), IsEmpty());

  const auto lines = driver_->CommitWrites();

  EXPECT_THAT(lines, Contains(HasSubstr("ORDERS m-S0 deactivated unreachable")));
  EXPECT_THAT(lines, Contains("reply 101: OK"));
  driver_->Do(Return(3));
  EXPECT_THAT(driver_->CommitWrites(), Contains("agent 3: REREGISTERED m-S0 epoch=1"));
  EXPECT_FALSE(Record().may_offer());
}

TEST_F(AgentOrdersTest, ALossAfterAnOrderCarriesTheOrder) {
  Order(Kind::kDeactivate);
  EXPECT_THAT(driver_->Advance(absl::Seconds(16)), Not(Contains(HasSubstr("UNREACHABLE"))));

  EXPECT_THAT(driver_->CommitWrites(), Contains(HasSubstr("UNREACHABLE m-S0 deactivated")));
}

TEST_F(AgentOrdersTest, LosingLeadershipAnswersThoseWhoWait) {
  Order(Kind::kDeactivate);

  EXPECT_THAT(driver_->Do(Stop{}), Contains(HasSubstr("reply 101: UNAVAILABLE")));
}

// ---- Draining ----

TEST_F(AgentOrdersTest, ADrainTellsTheAgentAndEndsWhenTheLastEndIsAcknowledged) {
  RunATask();
  max_grace_ = absl::Seconds(7);
  const auto lines = OrderDurably(Kind::kDrain);
  EXPECT_THAT(lines, Contains("agent 2: DRAIN within 7s"));
  EXPECT_THAT(lines, Contains("reply 101: OK"));
  EXPECT_EQ(Record().orders.drain, Drain::kDraining);

  EndTheTask();
  EXPECT_EQ(Record().orders.drain, Drain::kDraining);
  EXPECT_THAT(Acknowledge(), Contains(HasSubstr("ORDERS m-S0 drained")));
  driver_->CommitWrites();

  EXPECT_EQ(Record().orders.drain, Drain::kDrained);
  EXPECT_FALSE(Record().may_offer());
}

TEST_F(AgentOrdersTest, AnEmptyAgentIsDrainedAtOnce) {
  OrderDurably(Kind::kDrain);

  EXPECT_EQ(Record().orders.drain, Drain::kDrained);
}

// Mesos refuses to reactivate an agent that is being drained.
TEST_F(AgentOrdersTest, Row20ADrainCanBeCancelled) {
  RunATask();
  OrderDurably(Kind::kDrain);

  EXPECT_THAT(OrderDurably(Kind::kReactivate), Contains("agent 2: CANCEL_DRAIN"));

  EndTheTask();
  EXPECT_THAT(Acknowledge(), Not(Contains(HasSubstr("ORDERS"))));
  EXPECT_TRUE(Record().may_offer());
}

TEST_F(AgentOrdersTest, ASecondDrainReplacesTheFirst) {
  RunATask();
  OrderDurably(Kind::kDrain);
  EXPECT_THAT(Order(Kind::kDrain), ElementsAre("reply 102: OK"));
  max_grace_ = absl::ZeroDuration();

  EXPECT_THAT(OrderDurably(Kind::kDrain), Contains("agent 2: DRAIN within 0"));
}

TEST_F(AgentOrdersTest, ADrainKnowsWhenItWasOrdered) {
  RunATask();
  const absl::Time first = driver_->now();
  OrderDurably(Kind::kDrain);
  EXPECT_EQ(Record().orders.ordered, first);

  driver_->set_now(first + absl::Seconds(1));
  OrderDurably(Kind::kDrain);
  EXPECT_EQ(Record().orders.ordered, first) << "the same once more";
  max_grace_ = absl::ZeroDuration();
  OrderDurably(Kind::kDrain);
  EXPECT_EQ(Record().orders.ordered, first + absl::Seconds(1));
  OrderDurably(Kind::kReactivate);
  EXPECT_EQ(Record().orders.ordered, absl::InfinitePast());
}

TEST_F(AgentOrdersTest, AnAgentThatDoesNotDrainItselfIsNotAsked) {
  AgentReregister message = Return(3);
  message.agent.capabilities.Remove(v1::AgentInfo::Capability::AGENT_DRAINING);
  driver_->Do(std::move(message));

  EXPECT_THAT(Order(Kind::kDrain), ElementsAre(HasSubstr("reply 101: FAILED_PRECONDITION")));
  EXPECT_THAT(OrderDurably(Kind::kDeactivate), Contains("reply 102: OK"));
}

TEST_F(AgentOrdersTest, AnAgentThatIsAwayIsDrainedWhenItReturns) {
  RunATask();
  driver_->Do(AgentStreamClosed{2});
  EXPECT_THAT(OrderDurably(Kind::kDrain), Not(Contains(HasSubstr("DRAIN"))));

  EXPECT_THAT(driver_->Do(Return(3, {RunningTask()})),
              Contains("agent 3: REREGISTERED m-S0 epoch=1 draining"));
}

TEST_F(AgentOrdersTest, ADrainGoesOnUnderTheNextLeader) {
  RunATask();
  OrderDurably(Kind::kDrain);
  FailOver(RegistrySnapshot::AgentEntry::State::kAdmitted);

  EXPECT_THAT(driver_->Do(Return(3)), Contains("agent 3: REREGISTERED m-S0 epoch=2 draining"));
  driver_->CommitWrites();

  EXPECT_EQ(Record().orders.drain, Drain::kDrained);
}

TEST_F(AgentOrdersTest, Row20ADrainToTheEndLeavesTheAgentGone) {
  RunATask();
  mark_gone_ = true;
  EXPECT_THAT(OrderDurably(Kind::kDrain), Contains("agent 2: DRAIN gone"));
  EndTheTask(v1::TASK_GONE_BY_OPERATOR);

  EXPECT_THAT(Acknowledge(), Contains(HasSubstr("GONE m-S0")));
  const auto lines = driver_->CommitWrites();

  EXPECT_THAT(lines, Contains(HasSubstr("agent 2: SHUTDOWN")));
  EXPECT_THAT(lines, Contains("scheduler 1: FAILURE m-S0"));
  EXPECT_EQ(Record().state, AgentState::kGone);
}

// ---- Gone ----

TEST_F(AgentOrdersTest, TasksOfAGoneAgentAreGoneByOperatorWhenItIsDurable) {
  RunATask();
  EXPECT_THAT(Order(Kind::kMarkGone), ElementsAre(HasSubstr("GONE m-S0")));

  const auto lines = driver_->CommitWrites();

  EXPECT_THAT(
      lines,
      Contains(HasSubstr("UPDATE t TASK_GONE_BY_OPERATOR REASON_AGENT_REMOVED_BY_OPERATOR")));
  EXPECT_THAT(lines, Contains(HasSubstr("REMOVE_AGENT m-S0")));
  EXPECT_THAT(lines, Contains(HasSubstr("agent 2: SHUTDOWN")));
  EXPECT_THAT(lines, Contains(HasSubstr("close 2: FAILED_PRECONDITION")));
  EXPECT_THAT(lines, Contains("scheduler 1: FAILURE m-S0"));
  EXPECT_THAT(lines, Contains("reply 101: OK"));
  EXPECT_EQ(driver_->books().tasks.size(), 0u);
}

TEST_F(AgentOrdersTest, FrameworksThatAreNotPartitionAwareLoseTheTasks) {
  Start(/*partition_aware=*/false);
  RunATask();

  EXPECT_THAT(OrderDurably(Kind::kMarkGone),
              Contains(HasSubstr("UPDATE t TASK_LOST REASON_AGENT_REMOVED_BY_OPERATOR")));
}

TEST_F(AgentOrdersTest, AGoneAgentNeverReturnsNeitherByIdNorByKeyNorToTheNextLeader) {
  OrderDurably(Kind::kMarkGone);
  EXPECT_THAT(Order(Kind::kMarkGone), ElementsAre("reply 102: OK"));
  EXPECT_THAT(Order(Kind::kReactivate), ElementsAre(HasSubstr("FAILED_PRECONDITION")));

  EXPECT_THAT(driver_->Do(Return(3)), Contains(HasSubstr("agent 3: SHUTDOWN")));
  EXPECT_THAT(driver_->Do(AgentRegister{4, DescriptionOf("k", Resources::Of(4, 4096))}),
              Contains(HasSubstr("agent 4: SHUTDOWN")));
  FailOver(RegistrySnapshot::AgentEntry::State::kGone);
  EXPECT_THAT(driver_->Do(Return(5)), Contains(HasSubstr("agent 5: SHUTDOWN")));
  EXPECT_EQ(driver_->books().agents.recovering(), 0u);
}

TEST_F(AgentOrdersTest, TasksOfAnUnreachableAgentLearnThatItIsGone) {
  RunATask();
  driver_->Advance(absl::Seconds(16));
  driver_->CommitWrites();

  EXPECT_THAT(
      OrderDurably(Kind::kMarkGone),
      Contains(HasSubstr("UPDATE t TASK_GONE_BY_OPERATOR REASON_AGENT_REMOVED_BY_OPERATOR")));

  const Framework* framework = driver_->books().frameworks.Find(FrameworkId("m-0000"));
  EXPECT_TRUE(framework->unreachable.empty());
  EXPECT_EQ(framework->completed.size(), 1u);
}

TEST_F(AgentOrdersTest, AnAgentThatALeaderWaitsForIsGoneForReconciliationToo) {
  FailOver(RegistrySnapshot::AgentEntry::State::kAdmitted);
  driver_->Subscribe(1);
  driver_->CommitWrites();
  EXPECT_EQ(driver_->books().agents.recovering(), 1u);

  OrderDurably(Kind::kMarkGone);

  EXPECT_EQ(driver_->books().agents.recovering(), 0u);
  EXPECT_THAT(driver_->Call(1, "m-0000", ReconcileCall{{{TaskId("x"), AgentId("m-S0")}}}),
              Contains(HasSubstr("UPDATE x TASK_GONE_BY_OPERATOR REASON_RECONCILIATION")));
  EXPECT_THAT(driver_->Advance(absl::Minutes(11)), Not(Contains(HasSubstr("UNREACHABLE"))));
}

TEST_F(AgentOrdersTest, AnAgentThatReturnsWhileItIsDeclaredGoneIsToldToLeave) {
  driver_->Do(AgentStreamClosed{2});
  Order(Kind::kMarkGone);
  EXPECT_THAT(driver_->Do(Return(3)), IsEmpty());

  EXPECT_THAT(driver_->CommitWrites(), Contains(HasSubstr("agent 3: SHUTDOWN")));
}

TEST_F(AgentOrdersTest, SilenceWhileItIsDeclaredGoneWritesNothingOverIt) {
  Order(Kind::kMarkGone);

  EXPECT_THAT(driver_->Advance(absl::Minutes(1)), Not(Contains(HasSubstr("UNREACHABLE"))));
  EXPECT_THAT(driver_->CommitWrites(), Not(Contains(HasSubstr("UNREACHABLE"))));
  EXPECT_EQ(Record().state, AgentState::kGone);
}

TEST_F(AgentOrdersTest, AnOrderThatTheRegistryRefusesChangesNothing) {
  driver_->Do(AgentStreamClosed{2});
  Order(Kind::kMarkGone);
  driver_->Do(Return(3));

  const auto lines = driver_->CommitWrites(absl::InvalidArgumentError("no"));

  EXPECT_THAT(lines, Contains(HasSubstr("reply 101: INTERNAL")));
  EXPECT_THAT(lines, Contains("agent 3: REREGISTERED m-S0 epoch=1"));
  EXPECT_TRUE(Record().may_offer());
}

TEST(AgentOrderBounds, MoreGoneAgentsThanAreKeptAreRefused) {
  MasterOptions options = TestOptions();
  options.max_gone_agents = 1;
  CoreDriver driver(options);
  driver.Lead();
  driver.Register(2, "k0", Resources::Of(1, 64));
  driver.Register(3, "k1", Resources::Of(1, 64));
  driver.Do(OperatorAgentOrder{1, "", AgentId("m-S0"), Kind::kMarkGone});
  driver.CommitWrites();

  EXPECT_THAT(driver.Do(OperatorAgentOrder{2, "", AgentId("m-S1"), Kind::kMarkGone}),
              Contains(HasSubstr("reply 2: RESOURCE_EXHAUSTED")));
}

}  // namespace
}  // namespace meros::master::testing
