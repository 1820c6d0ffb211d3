// Goal: what frameworks and their executors say to each other through the master arrives once,
// where it belongs, and what cannot arrive is answered or counted. Method: inputs in, effects out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/master/core/testing/driver.h"

namespace meros::master::testing {
namespace {

using resources::Resources;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Framework m-0000 on stream 1 runs task "t" in executor "e" of agent m-S0, stream 2.
class Executors : public ::testing::Test {
 protected:
  Executors() {
    driver_.Lead();
    driver_.ConnectAllocator();
    driver_.Subscribe(1);
    driver_.Register(2, "k", Resources::Of(4, 4096));
    driver_.CommitWrites();
    driver_.Propose(1, "m-0000", "m-S0", Resources::Of(4, 4096));
    TaskLaunch task = ATask("t", "m-S0", Resources::Of(1, 64));
    task.executor_id = kExecutor;
    task.executor_resources = Resources::Of(1, 32);
    task.info->mutable_executor()->mutable_executor_id()->set_value("e");
    driver_.Call(1, "m-0000",
                 Accept{{driver_.Offer(1)}, {LaunchOperation{{task}}}, absl::ZeroDuration()});
  }

  const ExecutorId kExecutor{"e"};
  const AgentId kAgent{"m-S0"};
  CoreDriver driver_;
};

TEST_F(Executors, AShutdownGoesToTheAgentThatIsNamed) {
  EXPECT_THAT(driver_.Call(1, "m-0000", ShutdownExecutorCall{kAgent, kExecutor}),
              ElementsAre("agent 2: SHUTDOWN_EXECUTOR e"));
}

TEST_F(Executors, AShutdownOnAnAgentThatIsAwayIsNotFound) {
  for (const char* agent : {"m-S0", "m-S9"}) {
    driver_.Do(AgentStreamClosed{2});
    EXPECT_THAT(driver_.Call(0, "m-0000", ShutdownExecutorCall{AgentId(agent), kExecutor}, 7),
                ElementsAre(absl::StrCat("reply 7: NOT_FOUND: agent is unknown or has no session: ",
                                         agent)));
  }
}

TEST_F(Executors, BytesGoBothWaysUnchanged) {
  const std::string bytes("a\0b\xff", 4);

  EXPECT_THAT(driver_.Call(1, "m-0000", MessageCall{kAgent, kExecutor, bytes}),
              ElementsAre("agent 2: BYTES e " + bytes));
  EXPECT_THAT(driver_.Do(AgentExecutorMessage{2, FrameworkId("m-0000"), kExecutor, bytes}),
              ElementsAre("scheduler 1: MESSAGE m-S0 e " + bytes));
  EXPECT_EQ(driver_.Counts(Count::kDroppedMessages), 0u);
}

TEST_F(Executors, BytesThatCannotArriveAreCounted) {
  const std::string large(driver_.options().max_message_bytes + 1, 'x');
  EXPECT_THAT(driver_.Call(0, "m-0000", MessageCall{kAgent, kExecutor, large}, 7),
              ElementsAre(HasSubstr("reply 7: INVALID_ARGUMENT: message.data has")));
  EXPECT_EQ(driver_.Counts(Count::kDroppedMessages), 1u);
  EXPECT_THAT(driver_.Call(0, "m-0000", MessageCall{AgentId("m-S9"), kExecutor, "x"}, 8),
              ElementsAre(HasSubstr("reply 8: NOT_FOUND: agent m-S9")));
  EXPECT_EQ(driver_.Counts(Count::kDroppedMessages), 1u);

  driver_.Do(AgentExecutorMessage{2, FrameworkId("unknown"), kExecutor, "x"});
  EXPECT_EQ(driver_.Counts(Count::kDroppedMessages), 1u);
  driver_.Do(SchedulerStreamClosed{1});
  EXPECT_THAT(driver_.Do(AgentExecutorMessage{2, FrameworkId("m-0000"), kExecutor, "x"}),
              IsEmpty());
  EXPECT_EQ(driver_.Counts(Count::kDroppedMessages), 1u) << "it is not kept for later";
}

TEST_F(Executors, AnEndIsAFailureWithItsStatusAndFreesWhatItHeld) {
  const Agent& agent = *driver_.books().agents.Find(kAgent);
  EXPECT_EQ(agent.record.used, Resources::Of(2, 96));

  const auto lines = driver_.Do(AgentExecutorExited{2, FrameworkId("m-0000"), kExecutor, 9});

  EXPECT_THAT(lines, Contains("scheduler 1: FAILURE m-S0 executor=e status=9"));
  EXPECT_EQ(agent.record.used, Resources::Of(1, 64)) << "its task's end is told by its own update";
  EXPECT_TRUE(agent.executors.empty());
}

TEST_F(Executors, AnEndThatNobodyKnowsOfIsToldAllTheSame) {
  EXPECT_THAT(driver_.Do(AgentExecutorExited{2, FrameworkId("m-0000"), ExecutorId("own"), 256}),
              ElementsAre("scheduler 1: FAILURE m-S0 executor=own status=256"));
  EXPECT_THAT(driver_.Do(AgentExecutorExited{2, FrameworkId("unknown"), kExecutor, 0}), IsEmpty());
}

}  // namespace
}  // namespace meros::master::testing
