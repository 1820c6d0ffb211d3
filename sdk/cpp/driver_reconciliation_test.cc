// Goal: what the driver asks masters about its tasks, and what it keeps of those that have ended.
// Method: as driver_core_test.cc.
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "sdk/cpp/testing/driver_core_fixture.h"

namespace meros::sdk {
namespace {

using meros::v1::TaskStatus;

class DriverReconciliationTest : public DriverCoreTest {
 protected:
  using DriverCoreTest::DriverCoreTest;
  // The ids that one RECONCILE after the other names.
  using Asks = std::vector<std::vector<std::string>>;

  // A break, and the next master's SUBSCRIBED.
  std::vector<DriverCore::Effect> SubscribeElsewhere() {
    Step(DriverCore::Closed{stream_, absl::UnavailableError("gone")});
    Wake();
    return Subscribe(++stream_);
  }
  std::vector<DriverCore::Effect> Hear(Event event) {
    return Step(DriverCore::Received{stream_, std::move(event)});
  }
  // What the driver does when it has heard nothing but heartbeats for as long as it waits.
  std::vector<DriverCore::Effect> WakeAfterALongWhile() {
    Event heartbeat;
    heartbeat.set_type(Event::HEARTBEAT);
    const absl::Time almost = now_ + Options().reconcile_interval - absl::Minutes(1);
    for (; now_ < almost; now_ += absl::Minutes(1)) EXPECT_TRUE(Hear(heartbeat).empty());
    Hear(heartbeat);
    return Wake();
  }
  void Lose(const std::string& task) {
    Hear(Word(task, meros::v1::TASK_LOST, TaskStatus::REASON_AGENT_REMOVED));
  }

  static Asks Asked(const std::vector<DriverCore::Effect>& effects) {
    Asks asked;
    for (const auto& send : Of<DriverCore::Send>(effects)) {
      if (send.call.type() != Call::RECONCILE) continue;
      auto& ids = asked.emplace_back();
      for (const auto& task : send.call.reconcile().tasks()) ids.push_back(task.task_id().value());
    }
    return asked;
  }

  StreamId stream_ = 1;
};

class DriverWithLittleMemory : public DriverReconciliationTest {
 protected:
  static DriverCoreOptions LittleMemory() {
    DriverCoreOptions options = Options();
    options.ends_remembered = 2;
    return options;
  }
  DriverWithLittleMemory() : DriverReconciliationTest(LittleMemory()) {}
};

// A leader may die after it has written that the agent is back and before it has told the
// framework; the next one takes the agent for one that was never away.
TEST_F(DriverReconciliationTest, WhatIsLostIsAskedForUntilItIsHeardOf) {
  Step(DriverCore::Start{});
  Subscribe(1);
  Step(DriverCore::UserCall{Launch("t")});
  Lose("t");

  EXPECT_EQ(Asked(SubscribeElsewhere()), (Asks{{}})) << "that is, all";
  EXPECT_EQ(Asked(Wake()), (Asks{{"t"}}));
  const Event lost = Word("t", meros::v1::TASK_LOST, TaskStatus::REASON_RECONCILIATION);
  EXPECT_TRUE(Of<DriverCore::Deliver>(Hear(lost)).empty()) << "no news";
  EXPECT_TRUE(Asked(Wake()).empty()) << "it was heard of";

  EXPECT_EQ(Asked(WakeAfterALongWhile()), (Asks{{}}));
  EXPECT_EQ(Asked(Wake()), (Asks{{"t"}})) << "the answers left it out";
  const Event back = Word("t", meros::v1::TASK_RUNNING, TaskStatus::REASON_RECONCILIATION);
  EXPECT_EQ(Of<DriverCore::Deliver>(Hear(back)).size(), 1u);
}

// A new leader answers only of the agents that are back.
TEST_F(DriverReconciliationTest, WhatRunsAtAllIsAskedAgainAfterALongWhile) {
  Step(DriverCore::Start{});
  Subscribe(1);

  EXPECT_EQ(Asked(WakeAfterALongWhile()), (Asks{{}}));
  EXPECT_TRUE(Asked(Wake()).empty()) << "no task was left out";
  EXPECT_EQ(Asked(WakeAfterALongWhile()), (Asks{{}}));

  EXPECT_EQ(Asked(SubscribeElsewhere()), (Asks{{}}));
  EXPECT_TRUE(Asked(Wake()).empty());
  EXPECT_EQ(Asked(WakeAfterALongWhile()), (Asks{{}}));
}

TEST_F(DriverReconciliationTest, AMastersEndIsTheLastOfItsTask) {
  Step(DriverCore::Start{});
  Subscribe(1);
  Step(DriverCore::UserCall{Launch("t")});
  Hear(Word("t", meros::v1::TASK_GONE, TaskStatus::REASON_RECONCILIATION));

  EXPECT_EQ(Sent(Step(DriverCore::UserCall{Kill("t")})), std::vector<Call::Type>{Call::KILL});
  EXPECT_EQ(Sent(SubscribeElsewhere()), std::vector<Call::Type>{Call::RECONCILE})
      << "what has ended is not killed again";
  EXPECT_TRUE(Asked(Wake()).empty());
  const auto heard = [&](meros::v1::TaskState state) {
    const Event answer = Word("t", state, TaskStatus::REASON_RECONCILIATION);
    return Of<DriverCore::Deliver>(Hear(answer)).size();
  };
  EXPECT_EQ(heard(meros::v1::TASK_GONE), 0u);
  EXPECT_EQ(heard(meros::v1::TASK_RUNNING), 1u) << "a master's word may prove wrong";
}

TEST_F(DriverWithLittleMemory, ForgetsTheOldestLosses) {
  Step(DriverCore::Start{});
  Subscribe(1);
  for (const std::string task : {"a", "b", "c"}) Lose(task);
  Hear(Word("b", meros::v1::TASK_RUNNING, TaskStatus::REASON_AGENT_REREGISTERED));
  Lose("d");
  SubscribeElsewhere();

  EXPECT_EQ(Asked(Wake()), (Asks{{"b", "c", "d"}})) << "b runs, whatever else is lost";
}

// A master takes messages of a few MiB.
TEST_F(DriverReconciliationTest, ManyTasksAreAskedForInParts) {
  Step(DriverCore::Start{});
  Subscribe(1);
  for (int i = 0; i < 2500; ++i) Step(DriverCore::UserCall{Launch(absl::StrCat("t", i))});
  SubscribeElsewhere();

  const Asks asked = Asked(Wake());

  ASSERT_EQ(asked.size(), 3u);
  EXPECT_EQ(asked[0].size(), 1000u);
  EXPECT_EQ(asked[1].size(), 1000u);
  EXPECT_EQ(asked[2].size(), 500u);
}

}  // namespace
}  // namespace meros::sdk
