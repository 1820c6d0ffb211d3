// Gangs at the master: kept for as long as the framework waits for them, told to every allocator,
// offered as a whole or not at all, and never forgotten in silence.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/master/core/testing/driver.h"

namespace meros::master::testing {
namespace {

using resources::ResourceQuantities;
using resources::Resources;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

MasterOptions SmallBounds() {
  MasterOptions options = TestOptions();
  options.max_gangs_per_framework = 2;
  options.max_gang_bundles = 3;
  options.max_gang_deadline = absl::Seconds(60);
  return options;
}

GangRequest AGang(const std::string& id, uint32_t count, const Resources& each,
                  absl::Duration deadline = absl::InfiniteDuration()) {
  GangRequest request;
  request.gang_id = id;
  request.bundles = {{each.Quantities(), count}};
  request.deadline = deadline;
  return request;
}

// One framework on stream 1, two agents of 4 cpus, an allocator.
class Gangs : public ::testing::Test {
 protected:
  Gangs() : driver_(SmallBounds()) {
    driver_.Lead();
    driver_.ConnectAllocator();
    driver_.Subscribe(1);
    driver_.Register(2, "k", each_);
    driver_.Register(3, "l", each_);
  }
  std::vector<std::string> Ask(GangRequest request, uint64_t call = 0) {
    return driver_.Call(call == 0 ? 1 : 0, "m-0000", std::move(request), call);
  }

  const Resources each_ = Resources::Of(4, 4096);
  CoreDriver driver_;
};

TEST_F(Gangs, TheAllocatorIsToldNowAndWithEverySnapshotUntilItIsOffered) {
  EXPECT_THAT(Ask(AGang("g", 2, each_)),
              ElementsAre(EndsWith(": GANG m-0000 g * 2xcpus:4;mem:4096 remaining=1m")));

  driver_.Advance(absl::Seconds(5));
  EXPECT_THAT(driver_.ConnectAllocator(901), Contains(HasSubstr("GANG m-0000 g * 2xcpus:4")));
  EXPECT_THAT(driver_.ConnectAllocator(902), Contains(HasSubstr("remaining=55s")));

  EXPECT_THAT(driver_.ProposeGang(7, "m-0000", "g", {"m-S0", "m-S1"}, each_),
              ElementsAre("allocator: RESULT 7 reject=0", HasSubstr("ALLOCATE m-0000 * m-S0"),
                          "allocator: RESULT 8 reject=0", HasSubstr("ALLOCATE m-0000 * m-S1"),
                          EndsWith(": REMOVE_GANG m-0000 g"),
                          "scheduler 1: OFFERS [#1 m-S0 * cpus:4;mem:4096 gang=g] "
                          "[#2 m-S1 * cpus:4;mem:4096 gang=g]"));
  EXPECT_THAT(driver_.ConnectAllocator(903), Not(Contains(HasSubstr("GANG"))));
  EXPECT_THAT(driver_.Advance(absl::Minutes(2)), Not(Contains(HasSubstr("GANG"))));
}

TEST_F(Gangs, ItsOffersShowWhatTheFrameworkCanRead) {
  Subscription subscription = SubscriptionOf({.id = "m-0000"});
  subscription.multi_role = true;
  subscription.reservation_refinement = false;
  driver_.Call(1, "m-0000", UpdateFrameworkCall{subscription});
  Ask(AGang("g", 2, each_));

  driver_.ProposeGang(7, "m-0000", "g", {"m-S0", "m-S1"}, each_);

  const OffersEvent* event = nullptr;
  for (const Effect& effect : driver_.effects()) {
    const auto* to_scheduler = std::get_if<ToScheduler>(&effect);
    if (to_scheduler != nullptr) event = std::get_if<OffersEvent>(&to_scheduler->event);
  }
  ASSERT_NE(event, nullptr);
  EXPECT_TRUE(event->shows_allocation);
  EXPECT_FALSE(event->shows_refinement);
}

TEST_F(Gangs, OnePartThatNoLongerHoldsRefusesAll) {
  Ask(AGang("g", 2, each_));
  driver_.Propose(1, "m-0000", "m-S1", Resources::Of(1, 1));

  EXPECT_THAT(driver_.ProposeGang(7, "m-0000", "g", {"m-S0", "m-S1"}, each_),
              ElementsAre("allocator: RESULT 7 reject=6", "allocator: RESULT 8 reject=1"));

  // Nothing has changed: another proposal can still meet it.
  driver_.Call(1, "m-0000", Decline{{driver_.Offer(1)}, absl::ZeroDuration()});
  EXPECT_THAT(driver_.ProposeGang(9, "m-0000", "g", {"m-S0", "m-S1"}, each_),
              Contains(HasSubstr("OFFERS")));
}

TEST_F(Gangs, AProposalThatIsNotTheGangIsRefused) {
  Ask(AGang("g", 2, each_));

  EXPECT_THAT(driver_.ProposeGang(1, "m-0000", "other", {"m-S0", "m-S1"}, each_),
              ElementsAre(HasSubstr("reject=6"), HasSubstr("reject=6")));
  EXPECT_THAT(driver_.ProposeGang(3, "m-0000", "g", {"m-S0"}, each_),
              ElementsAre(HasSubstr("reject=5")))
      << "a part of the gang only";
  EXPECT_THAT(driver_.ProposeGang(4, "m-0000", "g", {"m-S0", "m-S0"}, each_),
              ElementsAre(HasSubstr("reject=5"), HasSubstr("reject=5")));
  EXPECT_THAT(driver_.ProposeGang(6, "nobody", "g", {"m-S0", "m-S1"}, each_),
              ElementsAre(HasSubstr("reject=6"), HasSubstr("reject=6")));
}

TEST_F(Gangs, TheFrameworkHearsOfTheDeadline) {
  Ask(AGang("g", 2, each_, absl::Seconds(30)));

  EXPECT_THAT(driver_.Advance(absl::Seconds(29)), Not(Contains(HasSubstr("GANG"))));
  EXPECT_THAT(driver_.Advance(absl::Seconds(2)),
              AllOf(Contains(HasSubstr("scheduler 1: GANG_ENDED g 1")),
                    Contains(EndsWith(": REMOVE_GANG m-0000 g"))));
  EXPECT_THAT(driver_.ProposeGang(7, "m-0000", "g", {"m-S0", "m-S1"}, each_),
              ElementsAre("allocator: RESULT 7 reject=6", "allocator: RESULT 8 reject=6"));
}

TEST_F(Gangs, ItIsReplacedByTheSameIdAndWithdrawnByNoBundles) {
  Ask(AGang("g", 2, each_, absl::Seconds(10)));
  EXPECT_THAT(Ask(AGang("g", 1, each_, absl::Seconds(30))),
              ElementsAre(EndsWith(": REMOVE_GANG m-0000 g"), HasSubstr("GANG m-0000 g * 1x")));
  EXPECT_THAT(driver_.Advance(absl::Seconds(20)), Not(Contains(HasSubstr("GANG"))))
      << "the first one's deadline means nothing any more";

  GangRequest withdrawn;
  withdrawn.gang_id = "g";
  EXPECT_THAT(Ask(withdrawn), ElementsAre(EndsWith(": REMOVE_GANG m-0000 g")));
  EXPECT_THAT(Ask(withdrawn, 11), ElementsAre("reply 11: OK"));
}

TEST_F(Gangs, WhatIsNotTakenIsSaidWithFieldAndLimitToStreamAndCaller) {
  EXPECT_THAT(Ask(AGang("g", 4, each_)),
              ElementsAre(AllOf(HasSubstr("GANG_ENDED g 2"),
                                HasSubstr("request.requests: a gang may have max_gang_bundles = 3 "
                                          "bundles, this one has 4"))));
  EXPECT_THAT(Ask(AGang("g", 1, each_, absl::Seconds(61)), 11),
              Contains(AllOf(HasSubstr("reply 11: RESOURCE_EXHAUSTED"),
                             HasSubstr("request.deadline: may be max_gang_deadline = 1m"))));
  GangRequest elsewhere = AGang("g", 1, each_);
  elsewhere.role = "eng";
  EXPECT_THAT(Ask(elsewhere, 12), Contains(HasSubstr("not subscribed to role eng")));
  Ask(AGang("g", 1, each_));
  Ask(AGang("h", 1, each_));
  EXPECT_THAT(Ask(AGang("i", 1, each_)),
              ElementsAre(HasSubstr("max_gangs_per_framework = 2 other gangs")));
  EXPECT_THAT(Ask(AGang("h", 2, each_)), Contains(HasSubstr("GANG m-0000 h")))
      << "replacing one is not one more";
}

TEST_F(Gangs, TheyEndWithTheSubscriptionAndWithTheRole) {
  Ask(AGang("g", 2, each_));
  EXPECT_THAT(driver_.Do(SchedulerStreamClosed{1}), Contains(EndsWith(": REMOVE_GANG m-0000 g")));

  driver_.Subscribe(4, {.id = "m-0000", .roles = {"*", "eng"}});
  GangRequest request = AGang("g", 2, each_);
  EXPECT_THAT(driver_.Call(0, "m-0000", request, 11),
              Contains(HasSubstr("request.role: must be set, the framework has 2 roles")));
  request.role = "eng";
  driver_.Call(4, "m-0000", request);
  EXPECT_THAT(
      driver_.Call(4, "m-0000",
                   UpdateFrameworkCall{SubscriptionOf({.id = "m-0000", .roles = {"*"}})}),
      AllOf(Contains(HasSubstr("GANG_ENDED g 3")), Contains(EndsWith(": REMOVE_GANG m-0000 g"))));

  driver_.Call(4, "m-0000", AGang("g", 2, each_));
  EXPECT_THAT(driver_.Call(4, "m-0000", TeardownCall{}),
              Contains(EndsWith(": REMOVE_GANG m-0000 g")));
  EXPECT_TRUE(driver_.books().gangs.all().empty());
}

// Anyone may deploy an allocator.
TEST(GangProposals, OneWithoutPartsForAnUnknownGangIsRefused) {
  CoreDriver driver;
  driver.Lead();
  driver.ConnectAllocator();
  GangProposal proposal;
  proposal.framework_id = FrameworkId("nobody");
  proposal.gang_id = "g";

  driver.Do(AllocatorProposals{900, {}, {std::move(proposal)}});

  EXPECT_EQ(driver.core().leadership(), LeadershipState::kLeading);
}

}  // namespace
}  // namespace meros::master::testing
