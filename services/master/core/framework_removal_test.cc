// Goal: a framework ends for everybody or for nobody: nothing of it ends, and nobody is told that
// it did, before its tombstone is durable. Method: inputs in, effects out; the test plays the
// registry.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/master/core/testing/driver.h"

namespace meros::master::testing {
namespace {

using resources::Resources;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const FrameworkId kId("m-0000");

// Framework m-0000 on stream 1 runs task "t" on agent m-S0, whose session is stream 2.
class FrameworkRemoval : public ::testing::Test {
 protected:
  FrameworkRemoval() {
    driver_.Lead();
    driver_.ConnectAllocator();
    driver_.Subscribe(1);
    driver_.CommitWrites();
    driver_.Register(2, "k", Resources::Of(4, 4096));
    driver_.Propose(1, "m-0000", "m-S0", Resources::Of(1, 64));
    driver_.Call(
        1, "m-0000",
        Accept{
            {driver_.Offer(1)}, {LaunchOperation{{ATask("t", "m-S0", Resources::Of(1, 64))}}}, {}});
    driver_.Update(2, "m-0000", "t", v1::TASK_RUNNING, "u1");
  }

  std::vector<std::string> Teardown(uint64_t call, StreamId stream = 0) {
    return driver_.Call(stream, "m-0000", TeardownCall{}, call);
  }
  const Framework* Find() const { return driver_.books().frameworks.Find(kId); }
  static AFramework Again() {
    AFramework again;
    again.id = "m-0000";
    return again;
  }

  CoreDriver driver_;
};

TEST_F(FrameworkRemoval, NothingEndsBeforeTheTombstoneIsDurable) {
  const auto asked = Teardown(9);
  EXPECT_THAT(asked, Contains(HasSubstr("REMOVE_FRAMEWORK m-0000")));
  EXPECT_THAT(asked, Each(AllOf(Not(HasSubstr("reply 9")), Not(HasSubstr("scheduler 1")),
                                Not(HasSubstr("agent 2")), Not(HasSubstr("close")))));
  EXPECT_EQ(driver_.books().tasks.size(), 1u);
  EXPECT_FALSE(driver_.books().frameworks.IsRemoved(kId));

  const auto durable = driver_.CommitWrites();

  EXPECT_THAT(durable, Contains("agent 2: SHUTDOWN_FRAMEWORK m-0000"));
  EXPECT_THAT(durable, Contains("scheduler 1: ERROR \"Framework has been removed\""));
  EXPECT_THAT(durable, Contains(HasSubstr("close 1: ABORTED")));
  EXPECT_THAT(durable, Contains("reply 9: OK"));
  EXPECT_EQ(driver_.books().tasks.size(), 0u);
  EXPECT_TRUE(driver_.books().frameworks.IsRemoved(kId));
}

TEST_F(FrameworkRemoval, EndsWhatIsUnreachableToo) {
  driver_.Do(AgentStreamClosed{2});
  driver_.Advance(absl::Seconds(16));
  driver_.CommitWrites();
  ASSERT_EQ(Find()->unreachable.size(), 1u);

  driver_.Teardown("m-0000", 9);

  const Framework& completed = *driver_.books().completed_frameworks.back();
  EXPECT_TRUE(completed.unreachable.empty());
  ASSERT_EQ(completed.completed.size(), 1u);
  EXPECT_EQ(completed.completed.front().state, v1::TASK_KILLED);
}

TEST_F(FrameworkRemoval, WhoWaitsIsToldWhenTheLeadershipEndsBefore) {
  Teardown(9);
  driver_.set_registry_answers(false);
  driver_.Advance(driver_.options().lease_ttl);

  const auto lines = driver_.Do(Stop{});

  EXPECT_THAT(lines, Contains(HasSubstr("reply 9: UNAVAILABLE")));
  EXPECT_THAT(lines, Contains(HasSubstr("close 1: UNAVAILABLE"))) << "it may come back";
  EXPECT_THAT(lines, Not(Contains(HasSubstr("has been removed"))));
}

TEST_F(FrameworkRemoval, MeanwhileItIsOfferedNothing) {
  driver_.Propose(2, "m-0000", "m-S0", Resources::Of(1, 64));
  ASSERT_EQ(driver_.books().offers.size(), 1u);

  Teardown(9);
  EXPECT_EQ(driver_.books().offers.size(), 0u);
  driver_.Propose(3, "m-0000", "m-S0", Resources::Of(1, 64));

  EXPECT_EQ(driver_.books().offers.size(), 0u);
}

TEST_F(FrameworkRemoval, MeanwhileItsCallsAreRefusedAndItsStreamStays) {
  Teardown(9);

  EXPECT_THAT(driver_.Call(0, "m-0000", Revive{}, 4),
              ElementsAre(HasSubstr("reply 4: FAILED_PRECONDITION")));
  EXPECT_THAT(driver_.Call(1, "m-0000", Revive{}), Not(Contains(HasSubstr("close 1"))));
}

TEST_F(FrameworkRemoval, MeanwhileNobodySubscribesAsItAndNobodyIsToldThatItEnded) {
  Teardown(9);

  EXPECT_THAT(driver_.Subscribe(3, Again()), ElementsAre(HasSubstr("close 3: UNAVAILABLE")));
  driver_.CommitWrites();
  EXPECT_THAT(driver_.Subscribe(4, Again()), Contains(HasSubstr("has been removed")));
}

TEST_F(FrameworkRemoval, MeanwhileItHearsOfItsTasks) {
  Teardown(9);

  EXPECT_THAT(driver_.Update(2, "m-0000", "t", v1::TASK_FINISHED, "u2"),
              Contains(AllOf(HasSubstr("scheduler 1: UPDATE"), HasSubstr("TASK_FINISHED"))));
}

TEST_F(FrameworkRemoval, AllWhoAskAreAnsweredAndOneTombstoneIsWritten) {
  Teardown(9);
  EXPECT_THAT(Teardown(10), IsEmpty());
  EXPECT_THAT(driver_.Do(OperatorTeardown{11, "r", kId}), IsEmpty());
  EXPECT_THAT(driver_.Do(OperatorTeardown{12, "r", kId}), IsEmpty());

  const auto lines = driver_.CommitWrites();

  for (const char* call : {"9", "10", "11", "12"}) {
    EXPECT_THAT(lines, Contains(absl::StrCat("reply ", call, ": OK")));
  }
  EXPECT_THAT(driver_.Do(OperatorTeardown{13, "r", kId}), ElementsAre("reply 13: OK"))
      << "a repeated request has the first answer";
  EXPECT_THAT(driver_.Do(OperatorTeardown{14, "s", kId}), ElementsAre(HasSubstr("NOT_FOUND")));
}

TEST_F(FrameworkRemoval, HowManyMayWaitIsBounded) {
  for (int i = 0; i < 64; ++i) EXPECT_THAT(Teardown(100 + i), Not(Contains(HasSubstr("reply"))));

  EXPECT_THAT(Teardown(200), ElementsAre(HasSubstr("reply 200: RESOURCE_EXHAUSTED")));
}

TEST_F(FrameworkRemoval, AFrameworkThatIsRefusedItsEndGoesOn) {
  Teardown(9);

  EXPECT_THAT(driver_.CommitWrites(absl::InvalidArgumentError("no")),
              Contains(AllOf(HasSubstr("reply 9: INTERNAL"), HasSubstr("no"))));
  EXPECT_TRUE(Find()->is_connected());
  driver_.Propose(2, "m-0000", "m-S0", Resources::Of(1, 64));
  EXPECT_EQ(driver_.books().offers.size(), 1u);
}

TEST_F(FrameworkRemoval, OneThatIsAwayIsRefusedItsEndAndAwaitedAgain) {
  driver_.Do(SchedulerStreamClosed{1});
  driver_.CommitWrites();
  driver_.Advance(absl::Seconds(101));
  ASSERT_TRUE(Find()->is_removing());

  driver_.CommitWrites(absl::InvalidArgumentError("no"));

  EXPECT_EQ(Find()->record.state, FrameworkState::kDisconnected);
  driver_.Advance(absl::Seconds(101));
  EXPECT_TRUE(Find()->is_removing()) << "the next deadline";
}

TEST_F(FrameworkRemoval, AStreamThatEndsMeanwhileStartsNoDeadlineAndWritesNothing) {
  Teardown(9);

  EXPECT_THAT(driver_.Do(SchedulerStreamClosed{1}), Not(Contains(HasSubstr("registry"))));
  EXPECT_THAT(driver_.Advance(absl::Seconds(200)), Not(Contains(HasSubstr("_FRAMEWORK"))));
  EXPECT_THAT(driver_.CommitWrites(), Contains("reply 9: OK"));
  EXPECT_EQ(Find(), nullptr);
}

TEST_F(FrameworkRemoval, ADeadlineEndsItByTheSameSteps) {
  AFramework hasty = Again();
  hasty.failover_timeout = absl::Seconds(5);
  driver_.Subscribe(3, hasty);
  driver_.Do(SchedulerStreamClosed{3});
  driver_.CommitWrites();

  EXPECT_THAT(driver_.Advance(absl::Seconds(6)), Contains(HasSubstr("REMOVE_FRAMEWORK m-0000")));
  EXPECT_EQ(driver_.books().tasks.size(), 1u);
  EXPECT_THAT(driver_.CommitWrites(), Contains("agent 2: SHUTDOWN_FRAMEWORK m-0000"));
  EXPECT_EQ(driver_.books().tasks.size(), 0u);
}

}  // namespace
}  // namespace meros::master::testing
