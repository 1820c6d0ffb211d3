// Offers from proposal to answer, and what launches do with them: inputs in, effects out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "services/master/core/testing/driver.h"

namespace meros::master::testing {
namespace {

using resources::Resources;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// One framework on stream 1, one agent of 4 cpus on stream 2, an allocator.
class Offers : public ::testing::Test {
 protected:
  Offers() {
    driver_.Lead();
    driver_.ConnectAllocator();
    driver_.Subscribe(1);
    driver_.Register(2, "k", Resources::Of(4, 4096));
  }

  std::vector<std::string> Launch(std::vector<TaskLaunch> tasks, uint64_t offer = 1) {
    return driver_.Call(
        1, "m-0000",
        Accept{{driver_.Offer(offer)}, {LaunchOperation{std::move(tasks)}}, absl::Seconds(5)});
  }

  CoreDriver driver_;
};

TEST_F(Offers, AProposalBecomesAnOffer) {
  const auto lines = driver_.Propose(7, "m-0000", "m-S0", Resources::Of(4, 4096));

  EXPECT_THAT(lines,
              ElementsAre("allocator: RESULT 7 reject=0", HasSubstr("ALLOCATE m-0000 * m-S0"),
                          "scheduler 1: OFFERS [#1 m-S0 * cpus:4;mem:4096]"));
}

TEST_F(Offers, AProposalThatNoLongerHoldsIsRejected) {
  driver_.Propose(1, "m-0000", "m-S0", Resources::Of(3, 1024));

  EXPECT_THAT(driver_.Propose(2, "m-0000", "m-S0", Resources::Of(2, 1)),
              ElementsAre("allocator: RESULT 2 reject=1"));
  EXPECT_THAT(driver_.Propose(3, "m-0000", "nobody", Resources::Of(1, 1)),
              ElementsAre("allocator: RESULT 3 reject=2"));
  EXPECT_THAT(driver_.Propose(4, "nobody", "m-S0", Resources::Of(1, 1)),
              ElementsAre("allocator: RESULT 4 reject=3"));
  EXPECT_THAT(driver_.Propose(5, "m-0000", "m-S0", Resources::Of(1, 1), "other-role"),
              ElementsAre("allocator: RESULT 5 reject=3"));
}

TEST_F(Offers, OfferIdsCannotBeGuessedFromEachOther) {
  driver_.Propose(1, "m-0000", "m-S0", Resources::Of(1, 1));
  driver_.Propose(2, "m-0000", "m-S0", Resources::Of(1, 1));

  EXPECT_GT(driver_.Offer(1).value().size(), 36u);
  EXPECT_NE(driver_.Offer(1).value().substr(3), driver_.Offer(2).value().substr(3));
}

// The classic example: 4 cpus and 4 GB, two tasks of (2, 1 GB) and (1, 2 GB), (1, 1 GB) is left.
TEST_F(Offers, TwoTasksLeaveTheRestForOthers) {
  driver_.Propose(1, "m-0000", "m-S0", Resources::Of(4, 4096));

  const auto lines = Launch(
      {ATask("t1", "m-S0", Resources::Of(2, 1024)), ATask("t2", "m-S0", Resources::Of(1, 2048))});

  EXPECT_THAT(lines, Contains("agent 2: RUN t1 role=*"));
  EXPECT_THAT(lines, Contains("agent 2: RUN t2 role=*"));
  EXPECT_THAT(lines, Contains(HasSubstr("RECOVER m-0000 * m-S0 cpus:1;mem:1024 refuse=5s")));
}

TEST_F(Offers, ATaskThatExceedsTheOfferIsAnErrorAndTheOthersRun) {
  driver_.Propose(1, "m-0000", "m-S0", Resources::Of(2, 1024));

  const auto lines = Launch(
      {ATask("big", "m-S0", Resources::Of(3, 64)), ATask("small", "m-S0", Resources::Of(1, 64))});

  EXPECT_THAT(lines, Contains(HasSubstr("UPDATE big TASK_ERROR REASON_TASK_INVALID")));
  EXPECT_THAT(lines, Contains("agent 2: RUN small role=*"));
}

TEST_F(Offers, AStaleOfferDropsItsTasksAndTakesTheOthersBack) {
  driver_.Propose(1, "m-0000", "m-S0", Resources::Of(1, 64));

  const auto lines =
      driver_.Call(1, "m-0000",
                   Accept{{driver_.Offer(1), OfferId("stale")},
                          {LaunchOperation{{ATask("t", "m-S0", Resources::Of(1, 64))}},
                           ResourceOperation{"op", "RESERVE"}},
                          absl::Seconds(5)});

  EXPECT_THAT(lines, Contains(HasSubstr("UPDATE t TASK_DROPPED REASON_INVALID_OFFERS")));
  EXPECT_THAT(lines, Contains(HasSubstr("OPERATION_ERROR op")));
  EXPECT_THAT(lines, Contains(HasSubstr("RECOVER m-0000 * m-S0 cpus:1;mem:64 refuse=0")));
  EXPECT_TRUE(driver_.Offer(1).empty());
}

TEST_F(Offers, AFrameworkCannotAcceptTheOfferOfAnother) {
  driver_.Propose(1, "m-0000", "m-S0", Resources::Of(1, 64));
  driver_.Subscribe(3);

  const auto lines =
      driver_.Call(3, "m-0001",
                   Accept{{driver_.Offer(1)},
                          {LaunchOperation{{ATask("t", "m-S0", Resources::Of(1, 64))}}},
                          absl::Seconds(5)});

  EXPECT_THAT(lines, ElementsAre(HasSubstr("scheduler 3: UPDATE t TASK_DROPPED")));
  EXPECT_FALSE(driver_.Offer(1).empty());
}

TEST_F(Offers, TheSameTaskIdTwiceIsAnError) {
  driver_.Propose(1, "m-0000", "m-S0", Resources::Of(4, 1024));

  const auto lines =
      Launch({ATask("t", "m-S0", Resources::Of(1, 64)), ATask("t", "m-S0", Resources::Of(1, 64))});

  EXPECT_THAT(lines, Contains("agent 2: RUN t role=*").Times(1));
  EXPECT_THAT(lines, Contains(HasSubstr("UPDATE t TASK_ERROR REASON_TASK_INVALID")).Times(1));
}

TEST_F(Offers, ARepeatedRequestActsOnce) {
  driver_.Propose(1, "m-0000", "m-S0", Resources::Of(4, 1024));
  const Accept accept{{driver_.Offer(1)},
                      {LaunchOperation{{ATask("t", "m-S0", Resources::Of(1, 64))}}},
                      absl::Seconds(5)};
  driver_.Call(0, "m-0000", accept, 11, "request-1");

  const auto lines = driver_.Call(0, "m-0000", accept, 12, "request-1");

  EXPECT_THAT(lines, ElementsAre("reply 12: OK"));
}

TEST_F(Offers, ARepeatedRequestGetsTheFirstAnswerFor10Minutes) {
  const Revive revive{{"not-mine"}};
  driver_.Call(0, "m-0000", revive, 11, "request-1");

  EXPECT_THAT(driver_.Call(0, "m-0000", Suppress{}, 12, "request-1"),
              ElementsAre(HasSubstr("reply 12: INVALID_ARGUMENT")));
  driver_.Advance(absl::Minutes(11));
  EXPECT_THAT(driver_.Call(0, "m-0000", Suppress{}, 13, "request-1"), Contains("reply 13: OK"));
}

TEST_F(Offers, WhatBelongsToOthersOrIsFaultyIsRefusedWithAReason) {
  driver_.Propose(1, "m-0000", "m-S0", Resources::Of(4, 1024));
  TaskLaunch elsewhere = ATask("elsewhere", "m-S9", Resources::Of(1, 64));
  TaskLaunch other_role = ATask("other-role", "m-S0", Resources::Of(1, 64));
  other_role.allocation_role = "eng";
  TaskLaunch faulty = ATask("faulty", "m-S0", {});
  faulty.fault = absl::InvalidArgumentError("resources[0].scalar.value: must be a number, is nan");
  faulty.fault_rule = 7;

  const auto lines = driver_.Call(1, "m-0000",
                                  Accept{{driver_.Offer(1)},
                                         {LaunchOperation{{elsewhere, other_role, faulty}},
                                          ResourceOperation{"op", "RESERVE"}},
                                         absl::Seconds(5)});

  EXPECT_THAT(lines, Contains(HasSubstr("UPDATE elsewhere TASK_ERROR REASON_TASK_INVALID")));
  EXPECT_THAT(lines, Contains(HasSubstr("UPDATE other-role TASK_ERROR REASON_TASK_INVALID")));
  EXPECT_THAT(lines, Contains(HasSubstr("UPDATE faulty TASK_ERROR REASON_TASK_INVALID")));
  EXPECT_THAT(lines, Contains(HasSubstr("is nan")));
  EXPECT_THAT(lines, Contains(HasSubstr("OPERATION_ERROR op")));
  EXPECT_THAT(lines, Not(Contains(HasSubstr("RUN"))));
}

TEST_F(Offers, DeclineReturnsResourcesWithTheFilter) {
  driver_.Propose(1, "m-0000", "m-S0", Resources::Of(4, 1024));

  const auto lines =
      driver_.Call(1, "m-0000", Decline{{driver_.Offer(1), OfferId("unknown")}, absl::Seconds(60)});

  EXPECT_THAT(lines, ElementsAre(HasSubstr("RECOVER m-0000 * m-S0 cpus:4;mem:1024 refuse=1m")));
}

TEST_F(Offers, AgentThatDisconnectsHasItsOffersRescinded) {
  driver_.Propose(1, "m-0000", "m-S0", Resources::Of(4, 1024));

  const auto lines = driver_.Do(AgentStreamClosed{2});

  EXPECT_THAT(lines, ElementsAre("scheduler 1: RESCIND #1", HasSubstr("RECOVER"),
                                 HasSubstr("AGENT m-S0 inactive")));
}

TEST_F(Offers, SuppressAndReviveReachTheAllocator) {
  EXPECT_THAT(driver_.Call(1, "m-0000", Suppress{}), ElementsAre(HasSubstr("SUPPRESS m-0000 *")));
  EXPECT_THAT(driver_.Call(1, "m-0000", Revive{{"*"}}), ElementsAre(HasSubstr("REVIVE m-0000 *")));
  EXPECT_THAT(driver_.Call(0, "m-0000", Revive{{"eng"}}, 5),
              ElementsAre(HasSubstr("reply 5: INVALID_ARGUMENT")));
  // On a stream nothing is said, and the framework lives: it may just have left the role.
  EXPECT_THAT(driver_.Call(1, "m-0000", Revive{{"eng"}}), IsEmpty());
  EXPECT_THAT(driver_.Call(1, "m-0000", Suppress{{"eng"}}), IsEmpty());
}

TEST_F(Offers, ANewAllocatorIsShownEverything) {
  driver_.Propose(1, "m-0000", "m-S0", Resources::Of(4, 4096));
  Launch(
      {ATask("t1", "m-S0", Resources::Of(2, 1024)), ATask("t2", "m-S0", Resources::Of(1, 1024))});
  driver_.Do(AllocatorClosed{900});

  const auto lines = driver_.ConnectAllocator(901);

  EXPECT_THAT(lines, ElementsAre("allocator: HELLO epoch=1", "allocator: SNAPSHOT_BEGIN 1",
                                 "allocator: FRAMEWORK m-0000 active roles=* suppressed=",
                                 "allocator: AGENT m-S0 active cpus:4;mem:4096",
                                 "allocator: ALLOCATE m-0000 * m-S0 cpus:3;mem:2048 proposal=0",
                                 "allocator: SNAPSHOT_END 1"));
}

TEST_F(Offers, NothingElseDependsOnTheAllocator) {
  driver_.Propose(1, "m-0000", "m-S0", Resources::Of(4, 4096));
  driver_.Do(AllocatorClosed{900});

  const auto lines = Launch({ATask("t", "m-S0", Resources::Of(1, 64))});

  EXPECT_THAT(lines, ElementsAre("agent 2: RUN t role=*"));
}

}  // namespace
}  // namespace meros::master::testing
