// Drains that frameworks may delay: who is asked, what ends the delay, and what of it survives.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "services/master/core/agent_orders.h"
#include "services/master/core/testing/ordered_agent.h"

namespace meros::master::testing {
namespace {

using resources::Resources;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

using Kind = OperatorAgentOrder::Kind;
using Drain = AgentOrders::Drain;

class DelayedDrainTest : public OrderedAgentTest {
 protected:
  DelayedDrainTest() {
    RunATask();
    max_delay_ = absl::Minutes(10);
    lines_ = OrderDurably(Kind::kDrain);
    deadline_ = driver_->now() + absl::Minutes(10);
  }

  // The allocator has it asked; it answers.
  std::vector<std::string> AskAndAnswer(bool accepted, StreamId stream = 1,
                                        const std::string& framework = "m-0000") {
    const auto asked = driver_->Do(
        AllocatorInverseOffers{900, {{FrameworkId(framework), AgentId("m-S0")}}});
    EXPECT_THAT(asked, ElementsAre(HasSubstr("INVERSE_OFFERS")));
    const OfferId id = driver_->books().inverse_offers.all().begin()->second->id;
    return driver_->Call(stream, framework,
                         AnswerInverseOffers{{id}, accepted, absl::ZeroDuration()});
  }
  // The agent stays connected.
  std::vector<std::string> AdvanceTo(absl::Time end) {
    std::vector<std::string> all;
    while (driver_->now() < end) {
      driver_->Do(AgentHeartbeat{2});
      const auto lines = driver_->Advance(std::min(absl::Seconds(1), end - driver_->now()));
      all.insert(all.end(), lines.begin(), lines.end());
    }
    return all;
  }

  std::vector<std::string> lines_;  // of the order
  absl::Time deadline_;
};

TEST_F(DelayedDrainTest, IsForgottenWithAnAgentThatIsDeclaredGone) {
  driver_->Do(AllocatorInverseOffers{900, {{FrameworkId("m-0000"), AgentId("m-S0")}}});
  max_delay_ = absl::ZeroDuration();

  EXPECT_THAT(OrderDurably(Kind::kMarkGone), Contains(HasSubstr("RESCIND_INVERSE")));

  EXPECT_EQ(Record().unavailability, std::nullopt);
  EXPECT_EQ(driver_->books().inverse_offers.all().size(), 0u);
}

TEST_F(DelayedDrainTest, TakesOffersAtOnceAndLeavesTasksAlone) {
  EXPECT_THAT(lines_, Contains("reply 101: OK"));
  EXPECT_THAT(lines_, Contains(HasSubstr("AGENT m-S0 inactive")));
  EXPECT_THAT(lines_, Not(Contains(HasSubstr("DRAIN"))));
  EXPECT_EQ(Record().orders.drain, Drain::kAsked);
  EXPECT_EQ(Record().unavailability, Unavailability{.start = deadline_});
  EXPECT_FALSE(Record().may_offer());
}

TEST_F(DelayedDrainTest, BeginsWhenTheHolderAccepts) {
  EXPECT_THAT(AskAndAnswer(/*accepted=*/true), Contains(HasSubstr("ORDERS m-S0 draining")));

  EXPECT_THAT(driver_->CommitWrites(), Contains("agent 2: DRAIN"));
  EXPECT_EQ(Record().orders.drain, Drain::kDraining);
  EXPECT_EQ(Record().unavailability, std::nullopt);
}

TEST_F(DelayedDrainTest, IsPutOffByARefusalButNotBeyondItsEnd) {
  EXPECT_THAT(AskAndAnswer(/*accepted=*/false), Not(Contains(HasSubstr("ORDERS"))));
  EXPECT_THAT(AdvanceTo(deadline_ - absl::Seconds(1)), Not(Contains(HasSubstr("ORDERS"))));

  EXPECT_THAT(AdvanceTo(deadline_), Contains(HasSubstr("ORDERS m-S0 draining")));

  EXPECT_THAT(driver_->CommitWrites(), Contains("agent 2: DRAIN"));
}

TEST_F(DelayedDrainTest, WaitsForAllHoldersAndNotForOneThatHoldsNothingAnyMore) {
  OrderDurably(Kind::kReactivate);
  driver_->Subscribe(3, {.name = "second"});
  driver_->Propose(2, "m-0001", "m-S0", Resources::Of(1, 64));
  driver_->Call(3, "m-0001",
                Accept{{driver_->Offer(2)},
                       {LaunchOperation{{ATask("s", "m-S0", Resources::Of(1, 64))}}},
                       absl::Seconds(5)});
  OrderDurably(Kind::kDrain);

  EXPECT_THAT(AskAndAnswer(/*accepted=*/true), Not(Contains(HasSubstr("ORDERS"))));
  driver_->Update(2, "m-0001", "s", v1::TASK_FINISHED, "u9");
  EXPECT_EQ(Record().orders.drain, Drain::kAsked);
  const auto lines =
      driver_->Call(3, "m-0001", AcknowledgeCall{AgentId("m-S0"), TaskId("s"), "u9"});

  EXPECT_THAT(lines, Contains(HasSubstr("ORDERS m-S0 draining")));
}

TEST_F(DelayedDrainTest, IsOverWhenNothingIsLeft) {
  EndTheTask();

  EXPECT_THAT(Acknowledge(), Contains(HasSubstr("ORDERS m-S0 drained")));
  driver_->CommitWrites();

  EXPECT_EQ(Record().orders.drain, Drain::kDrained);
  EXPECT_THAT(AdvanceTo(deadline_ + absl::Seconds(1)), Not(Contains(HasSubstr("ORDERS"))));
}

TEST_F(DelayedDrainTest, BeginsAtOnceWhenADrainWithoutDelayFollows) {
  max_delay_ = absl::ZeroDuration();

  EXPECT_THAT(OrderDurably(Kind::kDrain), Contains("agent 2: DRAIN"));
  EXPECT_EQ(Record().orders.drain, Drain::kDraining);
  max_delay_ = absl::Minutes(10);
  EXPECT_THAT(OrderDurably(Kind::kDrain), ElementsAre("reply 103: OK")) << "it has begun";
}

TEST_F(DelayedDrainTest, CanBeCancelledAndTheAgentHearsNothing) {
  const auto lines = OrderDurably(Kind::kReactivate);

  EXPECT_THAT(lines, Not(Contains(HasSubstr("DRAIN"))));
  EXPECT_EQ(Record().unavailability, std::nullopt);
  EXPECT_TRUE(Record().may_offer());
  EXPECT_THAT(AdvanceTo(deadline_ + absl::Seconds(1)), Not(Contains(HasSubstr("ORDERS"))));
}

TEST_F(DelayedDrainTest, ADrainThatHasBegunIsCalledOffAtTheAgentWhenAnotherIsPutOff) {
  max_delay_ = absl::ZeroDuration();
  OrderDurably(Kind::kDrain);
  max_delay_ = absl::Minutes(10);
  max_grace_ = absl::Seconds(1);

  EXPECT_THAT(OrderDurably(Kind::kDrain), Contains("agent 2: CANCEL_DRAIN"));
}

TEST_F(DelayedDrainTest, AnAgentThatIsAwayIsNotAgreedUponAndReturnsUntold) {
  AskAndAnswer(/*accepted=*/false);
  driver_->Do(AgentStreamClosed{2});
  EXPECT_THAT(AskAndAnswer(/*accepted=*/true), Not(Contains(HasSubstr("ORDERS"))));

  const auto lines = driver_->Do(Return(3, {RunningTask()}));

  EXPECT_THAT(lines, Contains("agent 3: REREGISTERED m-S0 epoch=1"));
  EXPECT_THAT(lines, Contains(HasSubstr("ORDERS m-S0 draining"))) << "the holder has accepted";
}

TEST_F(DelayedDrainTest, TheNextLeaderAsksAgainWithTheSameEnd) {
  FailOver(RegistrySnapshot::AgentEntry::State::kAdmitted);
  EXPECT_EQ(Record().unavailability, Unavailability{.start = deadline_});
  driver_->Do(Return(2, {RunningTask()}));
  driver_->CommitWrites();
  EXPECT_EQ(Record().orders.drain, Drain::kAsked);

  EXPECT_THAT(AdvanceTo(deadline_), Contains(HasSubstr("ORDERS m-S0 draining")));
}

TEST_F(DelayedDrainTest, AnEndThatPassedWhileNobodyLedIsNotForgotten) {
  AgentOrders orders = Record().orders;
  orders.delay_until = driver_->now() - absl::Seconds(1);
  FailOver(RegistrySnapshot::AgentEntry::State::kAdmitted, orders);
  driver_->CommitWrites();

  EXPECT_EQ(Record().orders.drain, Drain::kDraining);
  EXPECT_THAT(driver_->Do(Return(3, {RunningTask()})),
              Contains("agent 3: REREGISTERED m-S0 epoch=2 draining"));
}

}  // namespace
}  // namespace meros::master::testing
