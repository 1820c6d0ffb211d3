// Kills are repeated until their task has ended, and no longer.
#include "gtest/gtest.h"
#include "sdk/cpp/testing/driver_core_fixture.h"

namespace meros::sdk {
namespace {

TEST_F(DriverCoreTest, AKillIsRepeatedWhenReconciliationFindsTheTaskRunning) {
  Step(DriverCore::Start{});
  Subscribe(1);
  Step(DriverCore::UserCall{Launch("t")});
  Step(DriverCore::UserCall{Kill("t")});
  const Event answer =
      Word("t", meros::v1::TASK_RUNNING, meros::v1::TaskStatus::REASON_RECONCILIATION);

  EXPECT_EQ(Sent(Step(DriverCore::Received{1, answer})), std::vector<Call::Type>{Call::KILL});
}

// The master answers a kill of what it does not reach with where that is: to kill it again for that
// would be a loop as fast as the network.
TEST_F(DriverCoreTest, AKillOfWhatTheMasterDoesNotReachWaitsForItsReturn) {
  Step(DriverCore::Start{});
  Subscribe(1);
  Step(DriverCore::UserCall{Launch("t")});
  Step(DriverCore::UserCall{Kill("t")});

  for (const auto away : {meros::v1::TASK_UNREACHABLE, meros::v1::TASK_UNKNOWN}) {
    const Event answer = Word("t", away, meros::v1::TaskStatus::REASON_RECONCILIATION);
    EXPECT_TRUE(Sent(Step(DriverCore::Received{1, answer})).empty());
  }
  const Event back =
      Word("t", meros::v1::TASK_RUNNING, meros::v1::TaskStatus::REASON_AGENT_REREGISTERED);
  EXPECT_EQ(Sent(Step(DriverCore::Received{1, back})), std::vector<Call::Type>{Call::KILL});
}

// Found by the cluster simulation: a task that was killed while its agent was away was lost with
// it, came back with it, and ran for ever.
TEST_F(DriverCoreTest, AKillOutlivesALossThatIsTakenBack) {
  Step(DriverCore::Start{});
  Subscribe(1);
  Step(DriverCore::UserCall{Launch("t")});
  Step(DriverCore::UserCall{Kill("t")});
  const Event lost = Word("t", meros::v1::TASK_LOST, meros::v1::TaskStatus::REASON_AGENT_REMOVED);
  EXPECT_TRUE(Sent(Step(DriverCore::Received{1, lost})).empty());

  Step(DriverCore::Closed{1, absl::UnavailableError("gone")});
  Wake();
  EXPECT_EQ(Sent(Subscribe(2)), std::vector<Call::Type>{Call::RECONCILE}) << "it may be no more";

  const Event back =
      Word("t", meros::v1::TASK_RUNNING, meros::v1::TaskStatus::REASON_AGENT_REREGISTERED);
  EXPECT_EQ(Sent(Step(DriverCore::Received{2, back})), std::vector<Call::Type>{Call::KILL});
}

TEST_F(DriverCoreTest, WhatIsLostMayBeKilledForItsReturn) {
  Step(DriverCore::Start{});
  Subscribe(1);
  Step(DriverCore::UserCall{Launch("t")});
  Step(DriverCore::Received{1, Update("t", meros::v1::TASK_LOST, "")});

  Step(DriverCore::UserCall{Kill("t")});

  const Event back =
      Word("t", meros::v1::TASK_RUNNING, meros::v1::TaskStatus::REASON_AGENT_REREGISTERED);
  EXPECT_EQ(Sent(Step(DriverCore::Received{1, back})), std::vector<Call::Type>{Call::KILL});
}

TEST_F(DriverCoreTest, AKillIsNotOfALaterTaskWithTheSameId) {
  const Event found =
      Word("t", meros::v1::TASK_RUNNING, meros::v1::TaskStatus::REASON_RECONCILIATION);
  Step(DriverCore::Start{});
  Subscribe(1);
  Step(DriverCore::UserCall{Launch("t")});
  Step(DriverCore::UserCall{Kill("t")});
  Step(DriverCore::Received{1, Update("t", meros::v1::TASK_LOST, "")});
  Step(DriverCore::UserCall{Launch("t")});
  EXPECT_TRUE(Sent(Step(DriverCore::Received{1, found})).empty());

  Step(DriverCore::UserCall{Kill("t")});
  Step(DriverCore::Received{1, Update("t", meros::v1::TASK_LOST, "told by the agent")});
  EXPECT_TRUE(Sent(Step(DriverCore::Received{1, found})).empty());
}

}  // namespace
}  // namespace meros::sdk
