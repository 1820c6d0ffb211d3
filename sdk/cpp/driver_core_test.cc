#include "sdk/cpp/driver_core.h"

#include "gtest/gtest.h"
#include "libs/base/leader_hint.h"
#include "libs/base/retry_hint.h"
#include "sdk/cpp/testing/driver_core_fixture.h"

namespace meros::sdk {
namespace {

TEST_F(DriverCoreTest, StartsBySubscribingAtTheFirstMaster) {
  const auto effects = Step(DriverCore::Start{});

  ASSERT_EQ(Of<DriverCore::Open>(effects).size(), 1u);
  EXPECT_EQ(Of<DriverCore::Open>(effects)[0].address, "a:1");
  EXPECT_EQ(Sent(effects), std::vector<Call::Type>{Call::SUBSCRIBE});
  EXPECT_EQ(Of<DriverCore::Subscribed>(Subscribe(1)).size(), 1u);
  EXPECT_EQ(core_.state(), DriverState::kSubscribed);
}

TEST_F(DriverCoreTest, FollowsTheHintOfAFollowerAtOnceButNotForEver) {
  Step(DriverCore::Start{});

  auto effects = Step(DriverCore::Closed{1, NotLeadingError("c:3")});
  EXPECT_EQ(Of<DriverCore::Open>(effects).at(0).address, "c:3");
  Step(DriverCore::Closed{2, NotLeadingError("d:4")});
  Step(DriverCore::Closed{3, NotLeadingError("c:3")});
  effects = Step(DriverCore::Closed{4, NotLeadingError("d:4")});

  EXPECT_TRUE(effects.empty());
  EXPECT_EQ(core_.state(), DriverState::kBackingOff);
}

TEST_F(DriverCoreTest, SaysWhichMasterDidNotAnswer) {
  const auto lost = [](const std::vector<DriverCore::Effect>& effects) {
    return Of<DriverCore::Send>(effects).at(0).call.subscribe().lost_master();
  };
  EXPECT_EQ(lost(Step(DriverCore::Start{})), "");
  Step(DriverCore::Closed{1, absl::UnavailableError("refused")});
  EXPECT_EQ(lost(Wake()), "a:1");
  Subscribe(2);
  Step(DriverCore::Closed{2, absl::UnavailableError("reset")});
  EXPECT_EQ(lost(Wake()), "") << "it answered before";
}

TEST_F(DriverCoreTest, TriesTheNextMasterAfterADelay) {
  Step(DriverCore::Start{});
  Step(DriverCore::Closed{1, absl::UnavailableError("refused")});
  EXPECT_GT(core_.NextDeadline(), now_);

  EXPECT_EQ(Of<DriverCore::Open>(Wake()).at(0).address, "b:2");
}

TEST_F(DriverCoreTest, AMasterThatWasSentTooMuchIsLeftAloneForAsLongAsItAsks) {
  Step(DriverCore::Start{});
  Subscribe(1);

  const auto effects =
      Step(DriverCore::Closed{1, RetryLaterError("too many calls", absl::Seconds(30))});

  EXPECT_EQ(Of<DriverCore::Disconnected>(effects).size(), 1u);
  EXPECT_EQ(core_.state(), DriverState::kBackingOff);
  EXPECT_GE(core_.NextDeadline(), now_ + absl::Seconds(30));
  EXPECT_EQ(Of<DriverCore::Open>(Wake()).size(), 1u);

  // But not for ever.
  Step(DriverCore::Closed{2, RetryLaterError("too many calls", absl::Hours(30))});
  EXPECT_LE(core_.NextDeadline(), now_ + absl::Minutes(2));
}

TEST_F(DriverCoreTest, AMasterThatNeverAnswersIsLeft) {
  Step(DriverCore::Start{});

  const auto effects = Wake();

  EXPECT_EQ(Of<DriverCore::Close>(effects).size(), 1u);
  EXPECT_EQ(core_.state(), DriverState::kBackingOff);
}

TEST_F(DriverCoreTest, SilenceOfFiveHeartbeatsIsALoss) {
  Step(DriverCore::Start{});
  Subscribe(1);
  const absl::Time subscribed = now_;
  now_ += absl::Seconds(30);
  Event heartbeat;
  heartbeat.set_type(Event::HEARTBEAT);
  Step(DriverCore::Received{1, heartbeat});

  const auto effects = Wake();

  EXPECT_EQ(now_, subscribed + absl::Seconds(30 + 75));
  EXPECT_EQ(Of<DriverCore::Disconnected>(effects).size(), 1u);
}

TEST_F(DriverCoreTest, ARepeatedUpdateIsAcknowledgedButHeardOnce) {
  Step(DriverCore::Start{});
  Subscribe(1);

  EXPECT_EQ(Of<DriverCore::Deliver>(
                Step(DriverCore::Received{1, Update("t", meros::v1::TASK_RUNNING, "u1")}))
                .size(),
            1u);
  const auto again = Step(DriverCore::Received{1, Update("t", meros::v1::TASK_RUNNING, "u1")});

  EXPECT_TRUE(Of<DriverCore::Deliver>(again).empty());
  EXPECT_EQ(Sent(again), std::vector<Call::Type>{Call::ACKNOWLEDGE});
}

TEST_F(DriverCoreTest, AnEndWhoseAcknowledgementDiedWithTheMasterIsHeardOnce) {
  Step(DriverCore::Start{});
  Subscribe(1);
  Step(DriverCore::UserCall{Launch("t1")});
  const Event end = Update("t1", meros::v1::TASK_FINISHED, "u1");
  ASSERT_EQ(Of<DriverCore::Deliver>(Step(DriverCore::Received{1, end})).size(), 1u);
  Call acknowledgement;
  acknowledgement.set_type(Call::ACKNOWLEDGE);
  acknowledgement.mutable_acknowledge()->mutable_task_id()->set_value("t1");
  acknowledgement.mutable_acknowledge()->set_uuid("u1");
  Step(DriverCore::UserCall{acknowledgement});

  Step(DriverCore::Closed{1, absl::UnavailableError("the master died")});
  Wake();
  Subscribe(2);
  const auto repeated = Step(DriverCore::Received{2, end});

  EXPECT_TRUE(Of<DriverCore::Deliver>(repeated).empty());
  EXPECT_EQ(Sent(repeated), std::vector<Call::Type>{Call::ACKNOWLEDGE});
  // Another end under the same name is another task's.
  const Event other = Update("t1", meros::v1::TASK_FAILED, "u2");
  EXPECT_EQ(Of<DriverCore::Deliver>(Step(DriverCore::Received{2, other})).size(), 1u);
}

TEST_F(DriverCoreTest, AfterABreakKillsAreRepeatedAndTasksReconciledUntilHeardOf) {
  Step(DriverCore::Start{});
  Subscribe(1);
  Step(DriverCore::UserCall{Launch("t")});
  Step(DriverCore::UserCall{Kill("t")});
  Step(DriverCore::Closed{1, absl::UnavailableError("gone")});
  Wake();

  EXPECT_EQ(Sent(Subscribe(2)), (std::vector<Call::Type>{Call::KILL, Call::RECONCILE}));
  EXPECT_EQ(Sent(Wake()), std::vector<Call::Type>{Call::RECONCILE});

  Step(DriverCore::Received{2, Update("t", meros::v1::TASK_KILLED, "u1")});
  EXPECT_TRUE(Sent(Wake()).empty());
}

// Found by the cluster simulation: the agent of a lost task came back before the framework did, and
// the task ran for ever.
TEST_F(DriverCoreTest, WhatRunsAfterAllIsNewsAfterABreak) {
  Step(DriverCore::Start{});
  EXPECT_TRUE(Sent(Subscribe(1)).empty()) << "a new framework has no tasks";
  Step(DriverCore::UserCall{Launch("lost")});
  Step(DriverCore::Received{1, Update("lost", meros::v1::TASK_LOST, "")});
  Step(DriverCore::Received{1, Update("done", meros::v1::TASK_FINISHED, "u")});
  Step(DriverCore::Closed{1, absl::UnavailableError("gone")});
  Wake();

  const auto asked = Of<DriverCore::Send>(Subscribe(2));
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].call.type(), Call::RECONCILE);
  EXPECT_EQ(asked[0].call.reconcile().tasks_size(), 0) << "that is, all";

  const auto heard = [&](const std::string& task, meros::v1::TaskState state) {
    const Event answer = Word(task, state, meros::v1::TaskStatus::REASON_RECONCILIATION);
    return Of<DriverCore::Deliver>(Step(DriverCore::Received{2, answer})).size();
  };
  EXPECT_EQ(heard("done", meros::v1::TASK_FINISHED), 0u);
  EXPECT_EQ(heard("lost", meros::v1::TASK_LOST), 0u);
  EXPECT_EQ(heard("lost", meros::v1::TASK_RUNNING), 1u);
}

TEST_F(DriverCoreTest, AnIdThatIsUsedAgainIsHeardOfByReconciliation) {
  Step(DriverCore::Start{});
  Subscribe(1);
  Step(DriverCore::UserCall{Launch("t")});
  Step(DriverCore::Received{1, Update("t", meros::v1::TASK_FINISHED, "u")});
  Call acknowledge;
  acknowledge.set_type(Call::ACKNOWLEDGE);
  acknowledge.mutable_acknowledge()->mutable_task_id()->set_value("t");
  acknowledge.mutable_acknowledge()->set_uuid("u");
  Step(DriverCore::UserCall{acknowledge});
  Step(DriverCore::UserCall{Launch("t")});
  const Event answer =
      Word("t", meros::v1::TASK_RUNNING, meros::v1::TaskStatus::REASON_RECONCILIATION);

  EXPECT_EQ(Of<DriverCore::Deliver>(Step(DriverCore::Received{1, answer})).size(), 1u);
}

TEST_F(DriverCoreTest, ASchedulerThatStartsAgainAsksWhatItsFrameworkRuns) {
  DriverCoreOptions options = Options();
  options.framework.mutable_id()->set_value("f1");
  DriverCore core(options);
  std::vector<DriverCore::Effect> out;
  core.Step(now_, DriverCore::Start{}, &out);
  out.clear();

  core.Step(now_, DriverCore::Received{1, Subscribed()}, &out);

  EXPECT_EQ(Sent(out), std::vector<Call::Type>{Call::RECONCILE});
}

TEST_F(DriverCoreTest, ALaunchWhileDisconnectedIsReportedDropped) {
  Step(DriverCore::Start{});

  const auto effects = Step(DriverCore::UserCall{Launch("t")});

  ASSERT_EQ(Of<DriverCore::Deliver>(effects).size(), 1u);
  const meros::v1::TaskStatus status = Of<DriverCore::Deliver>(effects)[0].event.update().status();
  EXPECT_EQ(status.state(), meros::v1::TASK_DROPPED);
  EXPECT_EQ(status.task_id().value(), "t");
  EXPECT_TRUE(Sent(effects).empty());
}

TEST_F(DriverCoreTest, SuppressionSurvivesABreak) {
  Step(DriverCore::Start{});
  Subscribe(1);
  Call suppress;
  suppress.set_type(Call::SUPPRESS);
  Step(DriverCore::UserCall{suppress});
  Step(DriverCore::Closed{1, absl::UnavailableError("gone")});

  const auto sends = Of<DriverCore::Send>(Wake());

  ASSERT_EQ(sends.size(), 1u);
  EXPECT_EQ(sends[0].call.subscribe().suppressed_roles(0), "web");
  EXPECT_EQ(sends[0].call.framework_id().value(), "f1");
}

TEST_F(DriverCoreTest, AnErrorEventEndsTheDriver) {
  Step(DriverCore::Start{});
  Subscribe(1);

  const auto effects = Step(DriverCore::Received{1, Error("Framework has been removed")});

  ASSERT_EQ(Of<DriverCore::Ended>(effects).size(), 1u);
  EXPECT_EQ(Of<DriverCore::Ended>(effects)[0].status.message(), "Framework has been removed");
  EXPECT_TRUE(Step(DriverCore::Start{}).empty());
}

TEST_F(DriverCoreTest, StopTearsDownAndDetachDoesNot) {
  Step(DriverCore::Start{});
  Subscribe(1);
  DriverCore detached = core_;

  EXPECT_EQ(Sent(Step(AskToTearDown())), std::vector<Call::Type>{Call::TEARDOWN});
  std::vector<DriverCore::Effect> out;
  detached.Step(now_, DriverCore::Stop{DriverCore::Stop::Tasks::kKeep}, &out);
  EXPECT_TRUE(Sent(out).empty());
  EXPECT_TRUE(Of<DriverCore::Ended>(out).at(0).status.ok());
}

TEST_F(DriverCoreTest, TearingDownEndsWhenTheMasterSaysSo) {
  Step(DriverCore::Start{});
  Subscribe(1);
  EXPECT_TRUE(Of<DriverCore::Ended>(Step(AskToTearDown())).empty());
  EXPECT_TRUE(Step(AskToTearDown()).empty()) << "once is enough";
  EXPECT_TRUE(Step(DriverCore::Received{1, Update("t", meros::v1::TASK_RUNNING, "u1")}).empty())
      << "the scheduler hears only the end";
  EXPECT_TRUE(Step(DriverCore::UserCall{}).empty());

  const auto effects = Step(DriverCore::Received{1, Error("Framework has been removed")});

  EXPECT_TRUE(Of<DriverCore::Deliver>(effects).empty());
  EXPECT_TRUE(Of<DriverCore::Ended>(effects).at(0).status.ok());
}

TEST_F(DriverCoreTest, TearingDownGoesOnWithTheNextMaster) {
  Step(DriverCore::Start{});
  Subscribe(1);
  Step(AskToTearDown());

  auto effects = Step(DriverCore::Closed{1, absl::UnavailableError("the master lost leadership")});
  EXPECT_TRUE(Of<DriverCore::Disconnected>(effects).empty());
  EXPECT_EQ(Sent(Wake()), std::vector<Call::Type>{Call::SUBSCRIBE});
  effects = Subscribe(2);
  EXPECT_TRUE(Of<DriverCore::Subscribed>(effects).empty());
  EXPECT_EQ(Sent(effects), std::vector<Call::Type>{Call::TEARDOWN});
}

// The master that heard the TEARDOWN died after it had recorded it.
TEST_F(DriverCoreTest, TearingDownEndsWhenTheNextMasterKnowsOfIt) {
  Step(DriverCore::Start{});
  Subscribe(1);
  Step(AskToTearDown());
  Step(DriverCore::Closed{1, absl::UnavailableError("gone")});
  Wake();

  const auto effects = Step(DriverCore::Received{2, Error("Framework has been removed")});

  EXPECT_TRUE(Of<DriverCore::Ended>(effects).at(0).status.ok());
}

TEST_F(DriverCoreTest, WhoTookOverMeanwhileIsNoEndOfTheFramework) {
  Step(DriverCore::Start{});
  Subscribe(1);
  Step(AskToTearDown());

  const auto effects = Step(DriverCore::Received{1, Error("Framework failed over")});

  EXPECT_EQ(Of<DriverCore::Ended>(effects).at(0).status,
            absl::AbortedError("Framework failed over"));
}

TEST_F(DriverCoreTest, TearingDownWithoutAMasterEndsInTime) {
  Step(DriverCore::Start{});
  Subscribe(1);
  Step(DriverCore::Closed{1, absl::UnavailableError("gone")});
  const absl::Time asked = now_;
  EXPECT_TRUE(Of<DriverCore::Ended>(Step(AskToTearDown())).empty()) << "it waits for a master";

  std::vector<DriverCore::Effect> effects;
  while (Of<DriverCore::Ended>(effects).empty()) effects = Wake();

  EXPECT_EQ(now_ - asked, Options().teardown_timeout);
  EXPECT_TRUE(absl::IsDeadlineExceeded(Of<DriverCore::Ended>(effects)[0].status));
}

TEST_F(DriverCoreTest, EventsOfAnOldStreamAreIgnored) {
  Step(DriverCore::Start{});
  Subscribe(1);
  Step(DriverCore::Closed{1, absl::UnavailableError("gone")});
  Wake();

  EXPECT_TRUE(Step(DriverCore::Received{1, Update("t", meros::v1::TASK_RUNNING, "u1")}).empty());
  EXPECT_TRUE(Step(DriverCore::Closed{1, absl::UnavailableError("late")}).empty());
  EXPECT_EQ(core_.state(), DriverState::kConnecting);
}

}  // namespace
}  // namespace meros::sdk
