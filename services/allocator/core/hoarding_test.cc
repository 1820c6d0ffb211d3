// Hoarding: what a framework keeps on offer, on average, while others want offers.
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/allocator/core/test_harness.h"

namespace meros::allocator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Two frameworks; "slow" is offered both agents first, because the other one has some share.
class HoardingTest : public ::testing::Test {
 protected:
  void Start(std::vector<FrameworkState> frameworks) {
    std::vector<Change> books = {UpsertAgent{AnAgent("a1", "cpus:4;mem:4096")},
                                 UpsertAgent{AnAgent("a2", "cpus:4;mem:4096")}};
    for (FrameworkState& framework : frameworks) {
      books.push_back(UpsertFramework{std::move(framework)});
    }
    h_.Start(books);
  }
  static FrameworkState Quiet(const std::string& id) {
    FrameworkState state = AFramework(id);
    state.suppressed_roles = {"*"};
    return state;
  }
  // The framework takes what is proposed to it and does not answer.
  std::vector<Proposal> TakeAll() {
    std::vector<Proposal> proposals = h_.TakeProposals();
    for (const Proposal& proposal : proposals) h_.Accept(proposal);
    return proposals;
  }
  // The offer ends; what is left of it comes back.
  void End(const Proposal& proposal, const Resources& back,
           absl::Duration refuse = absl::ZeroDuration()) {
    h_.Apply(
        Recover{{proposal.framework, proposal.role}, proposal.agent, back, refuse, proposal.id});
  }

  Harness h_;
};

TEST_F(HoardingTest, WhoNeverAnswersHoardsOnceOthersWantOffers) {
  Start({AFramework("slow"), Quiet("other")});
  const auto held = TakeAll();
  ASSERT_THAT(held, SizeIs(2));
  h_.Advance(absl::Minutes(5));
  EXPECT_THAT(h_.TakeHoarding(), IsEmpty()) << "nobody else wants anything";

  h_.Apply(Revive{FrameworkId("other"), {}});
  h_.Advance(absl::Seconds(2));

  const auto changes = h_.TakeHoarding();
  ASSERT_THAT(changes, SizeIs(1));
  EXPECT_EQ(changes[0].framework.value(), "slow");
  EXPECT_TRUE(changes[0].hoards);
  EXPECT_NEAR(changes[0].share, 1, 0.01);
  const auto explained = h_.Ask({FrameworkId("other"), "*", {}, {}});
  ASSERT_TRUE(explained.ok());
  EXPECT_THAT(explained->notes, ElementsAre(HasSubstr("framework slow hoards: on average 99%")));
}

TEST_F(HoardingTest, ItTakesAWhile) {
  Start({AFramework("slow"), AFramework("other")});
  for (const Proposal& proposal : TakeAll()) {
    if (proposal.framework.value() == "other") End(proposal, {});  // used
  }

  h_.Advance(absl::Seconds(30));
  EXPECT_THAT(h_.TakeHoarding(), IsEmpty()) << "half of the cluster for half of the window: 20%";
  h_.Advance(absl::Seconds(20));
  EXPECT_THAT(h_.TakeHoarding(), SizeIs(1));
}

TEST_F(HoardingTest, OffersThatAreUsedAtOnceAreNone) {
  Start({AFramework("quick"), AFramework("other")});
  for (int i = 0; i < 100; ++i) {
    const auto offers = TakeAll();
    for (const Proposal& proposal : offers) End(proposal, {});
    h_.Advance(absl::Seconds(1));
    for (const Proposal& proposal : offers) h_.GiveBack(proposal, proposal.resources);
    h_.Settle();
  }

  EXPECT_THAT(h_.TakeHoarding(), IsEmpty());
  EXPECT_EQ(h_.core.books()->hoarding.count(), 0u);
}

TEST_F(HoardingTest, LettingOffersExpireAgainAndAgainIsHoardingAndEndsWithIt) {
  Start({AFramework("slow"), AFramework("other")});
  size_t begun = 0;
  for (int i = 0; i < 20; ++i) {
    const auto held = TakeAll();
    h_.Advance(absl::Seconds(10));
    for (const Proposal& proposal : held) End(proposal, proposal.resources);
    h_.Settle();
    for (const HoardingChange& change : h_.TakeHoarding()) begun += change.hoards ? 1 : 0;
  }
  EXPECT_GE(begun, 1u);

  for (const char* id : {"slow", "other"}) h_.Apply(Suppress{FrameworkId(id), {}});
  for (const Proposal& proposal : TakeAll()) End(proposal, proposal.resources);
  h_.Advance(absl::Minutes(10));

  EXPECT_EQ(h_.core.books()->hoarding.count(), 0u);
}

TEST_F(HoardingTest, WhatGoesAwayIsForgotten) {
  Start({AFramework("slow"), Quiet("other")});
  TakeAll();
  h_.Apply(RemoveAgent{AgentId("a1")});
  h_.Apply(Revive{FrameworkId("other"), {}});
  h_.Advance(absl::Minutes(2));
  EXPECT_EQ(h_.core.books()->hoarding.count(), 1u);

  h_.Apply(RemoveFramework{FrameworkId("slow")});

  EXPECT_EQ(h_.core.books()->hoarding.count(), 0u);
}

}  // namespace
}  // namespace meros::allocator
