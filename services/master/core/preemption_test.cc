// Preemption: which proposals hold, what they take, and what they leave.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/master/core/testing/driver.h"

namespace meros::master::testing {
namespace {

using resources::ResourceName;
using resources::ResourceQuantities;
using resources::Resources;
using resources::Scalar;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

ResourceQuantities Cpus(int64_t cpus) {
  ResourceQuantities amount;
  amount.Add(ResourceName::Cpus(), Scalar::FromUnits(cpus));
  return amount;
}

RoleChange Guaranteed(const std::string& role, int64_t cpus) {
  RoleChange change;
  change.role = role;
  change.quota = RoleQuota{Cpus(cpus), {}};
  return change;
}

RoleChange Preemptible(const std::string& role, int32_t priority = 0) {
  RoleChange change;
  change.role = role;
  change.priority = priority;
  change.preemptible = true;
  return change;
}

// m-0000 (stream 1) runs in role batch/low, m-0001 (stream 3) waits in role high; agent m-S0
// (stream 2) has 8 cpus. batch is preemptible, high is guaranteed 6 cpus.
class PreemptionTest : public ::testing::Test {
 protected:
  PreemptionTest() {
    driver_.Lead();
    driver_.ConnectAllocator();
    driver_.Subscribe(1, {.name = "victim", .roles = {"batch/low"}});
    driver_.Subscribe(3, {.name = "needy", .roles = {"high"}});
    driver_.Register(2, "k", Resources::Of(8, 8192));
    Set(Preemptible("batch"));
    Set(Guaranteed("high", 6));
  }

  void Set(RoleChange change) {
    driver_.Do(OperatorUpdateRoles{++call_, "", {std::move(change)}, /*force=*/true});
    driver_.CommitWrites();
  }
  // Launches t<number> with so many cpus.
  void Launch(int number, int64_t cpus, const std::string& role = "batch/low") {
    driver_.Propose(++proposal_, "m-0000", "m-S0", Resources::Of(cpus, 64), role);
    driver_.Call(
        1, "m-0000",
        Accept{
            {driver_.Offer(proposal_)},
            {LaunchOperation{{ATask(absl::StrCat("t", number), "m-S0", Resources::Of(cpus, 64))}}},
            absl::ZeroDuration()});
  }
  std::vector<std::string> Preempt(int64_t cpus, const std::string& role = "batch/low",
                                   const std::string& for_role = "high") {
    return driver_.Do(AllocatorPreemptions{
        900, {{FrameworkId("m-0000"), role, AgentId("m-S0"), Cpus(cpus), for_role, {}}}});
  }
  std::vector<std::string> End(int number) {
    return driver_.Update(2, "m-0000", absl::StrCat("t", number), v1::TASK_KILLED, "u");
  }

  CoreDriver driver_;
  uint64_t call_ = 0;
  uint64_t proposal_ = 0;
};

TEST_F(PreemptionTest, KillsAndSaysForWhom) {
  Launch(1, 8);

  EXPECT_THAT(Preempt(6),
              ElementsAre("preempted t1 of m-0000 batch/low on m-S0 cpus:8;mem:64 for high",
                          "agent 2: KILL t1 preempted_for=high"));
}

TEST_F(PreemptionTest, ARepeatedProposalKillsNothingMore) {
  Launch(1, 4);
  Launch(2, 4);
  EXPECT_THAT(Preempt(4), Contains("agent 2: KILL t2 preempted_for=high"));

  EXPECT_THAT(Preempt(4), IsEmpty());
  driver_.Update(2, "m-0000", "t2", v1::TASK_KILLING, "u");
  EXPECT_THAT(Preempt(4), IsEmpty());
}

TEST_F(PreemptionTest, TheNewestGoAndOnlyThoseThatAreNeeded) {
  Launch(1, 1);
  Launch(2, 4);
  Launch(3, 1);
  Launch(4, 2);

  EXPECT_THAT(Preempt(2),
              ElementsAre(HasSubstr("preempted t4"), "agent 2: KILL t4 preempted_for=high"));
  End(4);
  Launch(5, 1);
  EXPECT_THAT(Preempt(4),
              ElementsAre(HasSubstr("preempted t2"), "agent 2: KILL t2 preempted_for=high"))
      << "one of 4 cpus rather than three that hold 6 together";
}

TEST_F(PreemptionTest, NoMoreThanTheGuaranteeLacksLessWhatIsOnItsWay) {
  Set(Guaranteed("high", 3));
  for (int i = 1; i <= 8; ++i) Launch(i, 1);

  EXPECT_THAT(Preempt(8), Contains(HasSubstr("KILL")).Times(3));
  for (int i = 6; i <= 8; ++i) End(i);
  driver_.Propose(90, "m-0001", "m-S0", Resources::Of(3, 64), "high");
  EXPECT_THAT(Preempt(1), ElementsAre(HasSubstr("the guarantee of role high lacks nothing")));
}

TEST_F(PreemptionTest, WhatIsOnItsWayFromElsewhereCounts) {
  driver_.Register(4, "other", Resources::Of(8, 8192));
  Launch(1, 8);
  EXPECT_THAT(Preempt(6), Contains(HasSubstr("KILL t1")));
  driver_.Propose(++proposal_, "m-0000", "m-S1", Resources::Of(8, 64), "batch/low");

  EXPECT_THAT(
      driver_.Do(AllocatorPreemptions{
          900, {{FrameworkId("m-0000"), "batch/low", AgentId("m-S1"), Cpus(1), "high", {}}}}),
      ElementsAre(HasSubstr("the guarantee of role high lacks nothing")));
}

TEST_F(PreemptionTest, OffersGoBeforeTasks) {
  Launch(1, 4);
  driver_.Propose(++proposal_, "m-0000", "m-S0", Resources::Of(4, 64), "batch/low");

  EXPECT_THAT(Preempt(4), ElementsAre(HasSubstr("preempted offer of m-0000"),
                                      absl::StrCat("scheduler 1: RESCIND #", proposal_),
                                      HasSubstr("RECOVER m-0000 batch/low m-S0 cpus:4")));
}

TEST_F(PreemptionTest, NothingThatAGuaranteeOfTheVictimCovers) {
  Set(Guaranteed("batch", 5));
  Launch(1, 2);
  Launch(2, 4);
  Launch(3, 1);

  EXPECT_THAT(Preempt(6),
              ElementsAre(HasSubstr("preempted t3"), "agent 2: KILL t3 preempted_for=high"))
      << "2 may go: t3 fits, t2 does not, and t1 not after t3";
  EXPECT_THAT(Preempt(6), ElementsAre(HasSubstr("role batch would fall below its guarantee")));
}

TEST_F(PreemptionTest, AKillOfItsFrameworkCountsAgainstTheVictimsGuarantee) {
  Set(Guaranteed("batch", 4));
  Launch(1, 4);
  Launch(2, 4);
  driver_.Call(1, "m-0000", Kill{TaskId("t2"), AgentId(), nullptr});

  EXPECT_THAT(Preempt(6), ElementsAre(HasSubstr("role batch would fall below its guarantee")));
}

TEST_F(PreemptionTest, OnlyForThoseWhoAreOwedAndFromThoseWhoAllowIt) {
  Launch(1, 2, "batch/low");
  EXPECT_THAT(Preempt(1, "batch/low", "other"), ElementsAre(HasSubstr("role other lacks nothing")));
  EXPECT_THAT(Preempt(1, "high"), ElementsAre(HasSubstr("role high is not preemptible")));
  EXPECT_THAT(Preempt(1, "batch/low", "batch"),
              ElementsAre(HasSubstr("batch/low is within batch")));
  EXPECT_THAT(Preempt(1, "batch/other"), ElementsAre(HasSubstr("holds nothing of that there")));

  Set(Preemptible("batch", 1));
  EXPECT_THAT(Preempt(1), ElementsAre(HasSubstr("has priority 1, high 0")));
}

TEST_F(PreemptionTest, WhatIsMalformedOrOfAnotherSessionTakesNothing) {
  Launch(1, 8);
  PreemptionProposal proposal{FrameworkId("m-0000"),
                              "batch/low",
                              AgentId("m-S0"),
                              Cpus(1),
                              "high",
                              absl::InvalidArgumentError("amount: is empty")};
  EXPECT_THAT(driver_.Do(AllocatorPreemptions{900, {proposal}}),
              ElementsAre(HasSubstr("amount: is empty")));
  proposal.fault = absl::OkStatus();
  EXPECT_THAT(driver_.Do(AllocatorPreemptions{899, {proposal}}), IsEmpty());
  proposal.agent_id = AgentId("m-S9");
  EXPECT_THAT(driver_.Do(AllocatorPreemptions{900, {proposal}}),
              ElementsAre(HasSubstr("the agent is unknown or has no session")));
}

TEST_F(PreemptionTest, AKillThatTheAgentMayHaveMissedIsRepeatedWithItsReason) {
  Launch(1, 8);
  Preempt(6);
  driver_.Call(1, "m-0000", Kill{TaskId("t1"), AgentId(), nullptr});
  driver_.Do(AgentStreamClosed{2});

  AgentReregister back{5,
                       AgentId("m-S0"),
                       DescriptionOf("k", Resources::Of(8, 8192), "m-S0"),
                       {},
                       {AReportedTask("t1", "m-0000", v1::TASK_RUNNING, Resources::Of(8, 64))},
                       {}};
  EXPECT_THAT(driver_.Do(std::move(back)), Contains("agent 5: KILL t1 preempted_for=high"));
}

TEST_F(PreemptionTest, WhatIsFreedIsOfferedToWhomItIsOwed) {
  Launch(1, 8);
  Preempt(6);
  EXPECT_THAT(End(1), Contains(HasSubstr("RECOVER m-0000 batch/low m-S0 cpus:8;mem:64 refuse=0")));
  EXPECT_THAT(driver_.Propose(91, "m-0001", "m-S0", Resources::Of(6, 64), "high"),
              Contains(HasSubstr("scheduler 3: OFFERS")));
}

}  // namespace
}  // namespace meros::master::testing
