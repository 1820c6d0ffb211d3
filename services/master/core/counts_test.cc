// Goal: what is counted of frameworks, agents and operations is what happened, and readers hear of
// it. Method: inputs in; the counts as they are published.
#include "services/master/core/counts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "services/master/core/testing/driver.h"

namespace meros::master::testing {
namespace {

using resources::Resources;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

using Status = v1::TaskStatus;

template <typename Names>
size_t IndexOf(const Names& names, absl::string_view name) {
  return std::find(names.begin(), names.end(), name) - names.begin();
}

// Framework m-0000 on stream 1, agent m-S0 with 4 cpus and 4096 MB on stream 2.
class Counts : public ::testing::Test {
 protected:
  Counts() {
    driver_.Lead();
    driver_.ConnectAllocator();
    driver_.Subscribe(1);
    driver_.Register(2, "k", Resources::Of(4, 4096));
    driver_.CommitWrites();
  }
  void Offer() {
    driver_.Propose(++offers_, "m-0000", "m-S0",
                    driver_.books().agents.Find(AgentId("m-S0"))->record.Free());
  }
  void Launch(const std::string& id) {
    Offer();
    driver_.Call(1, "m-0000",
                 Accept{{driver_.Offer(offers_)},
                        {LaunchOperation{{ATask(id, "m-S0", Resources::Of(1, 64))}}},
                        absl::ZeroDuration()});
  }
  // Lets the readers hear of it all, and reads what they heard.
  void Hear() {
    driver_.ForgetEffects();
    driver_.Advance(absl::Milliseconds(50));
    for (const Effect& effect : driver_.effects()) {
      const auto* publish = std::get_if<Publish>(&effect);
      if (publish == nullptr) continue;
      if (const auto* all = std::get_if<CountsChanged>(&publish->change)) cluster_ = *all->counts;
      if (const auto* usage = std::get_if<FrameworkUsage>(&publish->change)) {
        if (usage->counts != nullptr) framework_ = *usage->counts;
      }
    }
  }
  uint64_t Calls(absl::string_view name) const {
    return framework_.calls[IndexOf(kCallNames, name)];
  }
  uint64_t Events(absl::string_view name) const {
    return framework_.events[IndexOf(kEventNames, name)];
  }
  uint64_t Said(absl::string_view name) const {
    return cluster_.agent_said[IndexOf(kAgentSaidNames, name)];
  }
  uint64_t Changes(absl::string_view name) const {
    return cluster_.agent_changes[IndexOf(kAgentChangeNames, name)];
  }

  CoreDriver driver_;
  uint64_t offers_ = 0;
  ClusterCounts cluster_;
  FrameworkCounts framework_;
};

// The names are of the variants' alternatives, in their order.
TEST_F(Counts, CallsAndEventsHaveTheirNames) {
  const auto call = [](SchedulerCall::Body body) { return kCallNames[body.index() + 1]; };
  EXPECT_EQ(call(Accept{}), "accept");
  EXPECT_EQ(call(Revive{}), "revive");
  EXPECT_EQ(call(ShutdownExecutorCall{}), "shutdown");
  EXPECT_EQ(call(ReconcileCall{}), "reconcile");
  EXPECT_EQ(call(TeardownCall{}), "teardown");
  EXPECT_EQ(call(GangRequest{}), "gang");
  EXPECT_EQ(call(AcknowledgeOperationCall{}), "acknowledge_operation_status");
  EXPECT_EQ(call(HintCall{}), "request");
  EXPECT_EQ(call(UnsupportedCall{}), "unsupported");
  const auto event = [](ToScheduler::Event it) { return kEventNames[it.index()]; };
  EXPECT_EQ(event(SubscribedEvent{}), "subscribed");
  EXPECT_EQ(event(RescindInverseOfferEvent{}), "rescind_inverse_offer");
  EXPECT_EQ(event(OperationEvent{}), "update_operation_status");
  EXPECT_EQ(event(FailureEvent{}), "failure");
  EXPECT_EQ(event(GangEndedEvent{}), "gang_ended");
}

TEST_F(Counts, OfAFrameworkAreItsCallsEventsAndOffers) {
  Launch("t");
  driver_.Update(2, "m-0000", "t", v1::TASK_RUNNING, "u1");
  Offer();
  driver_.Call(1, "m-0000", Decline{{driver_.Offer(offers_)}, absl::ZeroDuration()});
  Hear();

  EXPECT_EQ(Calls("subscribe"), 1u);
  EXPECT_EQ(Calls("accept"), 1u);
  EXPECT_EQ(Calls("decline"), 1u);
  EXPECT_EQ(Events("subscribed"), 1u);
  EXPECT_EQ(Events("offers"), 2u);
  EXPECT_EQ(Events("update"), 1u);
  EXPECT_EQ(framework_.offers.sent, 2u);
  EXPECT_EQ(framework_.offers.accepted, 1u);
  EXPECT_EQ(framework_.offers.declined, 1u);
  EXPECT_EQ(framework_.offers.rescinded, 0u);
  EXPECT_THAT(framework_.operations, UnorderedElementsAre(Pair(v1::Offer::Operation::LAUNCH, 1)));
  EXPECT_THAT(framework_.ended, IsEmpty());
}

TEST_F(Counts, OffersTakenBackAreRescinded) {
  Offer();
  driver_.Do(AgentStreamClosed{2});
  Hear();

  EXPECT_EQ(framework_.offers.rescinded, 1u);
  EXPECT_EQ(Events("rescind"), 1u);
}

// Of a framework that is not known there is no row, but the call counts.
TEST_F(Counts, CallsOfUnknownFrameworksCountForAll) {
  driver_.Call(9, "ghost", Revive{});
  Hear();

  EXPECT_EQ(cluster_.calls[IndexOf(kCallNames, "revive")], 1u);
  EXPECT_EQ(Calls("revive"), 0u);
}

TEST_F(Counts, AnEndIsCountedOnce) {
  Launch("t");
  driver_.Update(2, "m-0000", "t", v1::TASK_FAILED, "u1");
  driver_.Update(2, "m-0000", "t", v1::TASK_FAILED, "u1");  // as agents repeat it
  Hear();

  ASSERT_EQ(cluster_.ended.size(), 1u);
  const auto& [end, number] = *cluster_.ended.begin();
  EXPECT_EQ(std::get<0>(end), v1::TASK_FAILED);
  EXPECT_EQ(number, 1u);
  EXPECT_THAT(framework_.ended, UnorderedElementsAre(Pair(v1::TASK_FAILED, 1)));
}

// It never was in the books.
TEST_F(Counts, ARefusedTaskIsAnEnd) {
  Offer();
  TaskLaunch faulty = ATask("t", "m-S0", Resources::Of(1, 64));
  faulty.fault = absl::InvalidArgumentError("no good");
  driver_.Call(1, "m-0000",
               Accept{{driver_.Offer(offers_)}, {LaunchOperation{{faulty}}}, absl::ZeroDuration()});
  Hear();

  const TaskEnd end{v1::TASK_ERROR, Status::SOURCE_MASTER, Status::REASON_TASK_INVALID};
  EXPECT_THAT(cluster_.ended, UnorderedElementsAre(Pair(end, 1)));
}

TEST_F(Counts, ALostAgentAndItsTasksAreCounted) {
  Launch("t");
  driver_.Update(2, "m-0000", "t", v1::TASK_RUNNING, "u1");
  driver_.Do(AgentStreamClosed{2});
  driver_.Advance(driver_.options().agent_unreachable_timeout + absl::Seconds(1));
  driver_.CommitWrites();
  Hear();

  const TaskEnd end{v1::TASK_UNREACHABLE, Status::SOURCE_MASTER, Status::REASON_AGENT_REMOVED};
  EXPECT_THAT(cluster_.ended, UnorderedElementsAre(Pair(end, 1)));
  EXPECT_EQ(Changes("admitted"), 1u);
  EXPECT_EQ(Changes("unreachable"), 1u);
  EXPECT_EQ(Said("register"), 1u);
  EXPECT_EQ(Said("status_update"), 1u);
}

TEST_F(Counts, ARefusedOperationIsCounted) {
  Offer();
  ResourceOperation reserve;
  reserve.id = "r";
  auto info = std::make_shared<v1::Offer::Operation>();
  info->set_type(v1::Offer::Operation::RESERVE);
  reserve.info = std::move(info);
  reserve.fault = absl::InvalidArgumentError("no good");
  driver_.Call(1, "m-0000", Accept{{driver_.Offer(offers_)}, {reserve}, absl::ZeroDuration()});
  Hear();

  const OperationChange refused{v1::Offer::Operation::RESERVE, v1::OPERATION_ERROR};
  EXPECT_THAT(cluster_.operations, UnorderedElementsAre(Pair(refused, 1)));
}

TEST_F(Counts, HeartbeatsAloneDoNotWakeTheReaders) {
  Hear();
  driver_.ForgetEffects();
  for (int i = 0; i < 4; ++i) {
    driver_.Do(AgentHeartbeat{2});
    driver_.Advance(driver_.options().framework_heartbeat_interval / 3);
  }

  EXPECT_TRUE(
      std::none_of(driver_.effects().begin(), driver_.effects().end(),
                   [](const Effect& effect) { return std::holds_alternative<Publish>(effect); }));
}

}  // namespace
}  // namespace meros::master::testing
