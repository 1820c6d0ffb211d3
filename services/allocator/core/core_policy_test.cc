// What operators and frameworks can say beyond quota and weights: offer constraints, regions,
// whitelist, recovery, maintenance, and the settings of roles.
#include <map>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/allocator/core/test_harness.h"

namespace meros::allocator {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

AgentState AgentAt(const std::string& id, const std::string& hostname) {
  AgentState agent = AnAgent(id, "cpus:4;mem:64");
  agent.traits.hostname = hostname;
  return agent;
}

std::shared_ptr<const resources::AgentConstraints> OnHost(const std::string& regex) {
  resources::AgentConstraints constraints;
  constraints.groups.push_back({*resources::AgentConstraint::Make(
      {resources::AgentConstraint::Selector::kHostname, "",
       resources::AgentConstraint::Predicate::kTextMatches, regex})});
  return std::make_shared<const resources::AgentConstraints>(std::move(constraints));
}

ConfigureRole Settings(const std::string& role, RoleSettings settings) {
  return {role, std::move(settings)};
}

TEST(Constraints, KeepAgentsFromThoseWhoDoNotWantThem) {
  FrameworkState picky = AFramework("f1");
  picky.constraints["*"] = OnHost("ssd-.*");
  Harness h;
  h.Start({UpsertFramework{picky}, UpsertAgent{AgentAt("a1", "ssd-1")},
           UpsertAgent{AgentAt("a2", "hdd-1")}});
  EXPECT_THAT(h.TakeLines(), ElementsAre("f1@* a1 cpus:4;mem:64"));
  EXPECT_EQ(h.core.stats().gates[static_cast<size_t>(Gate::kConstraints)], 1);

  picky.constraints["*"] = OnHost("hdd-.*");
  h.Apply(UpsertFramework{picky});
  h.Settle();
  EXPECT_THAT(h.TakeLines(), ElementsAre("f1@* a2 cpus:4;mem:64")) << "new ones hold at once";
}

TEST(Region, Row14IsForThoseWhoKnowRegions) {
  FrameworkState aware = AFramework("aware");
  aware.capabilities.region_aware = true;
  AgentState remote = AgentAt("a1", "h");
  remote.traits.region = "eu";
  Harness h;
  h.Send(1, {Hello{"m1", 1, "us"}});
  h.Snapshot({UpsertFramework{AFramework("plain")}, UpsertAgent{remote}});
  h.Settle();
  EXPECT_THAT(h.TakeLines(), IsEmpty());
  h.Apply(UpsertFramework{aware});
  h.Settle();
  EXPECT_THAT(h.TakeLines(), ElementsAre("aware@* a1 cpus:4;mem:64"));
  remote.id = AgentId("a2");
  remote.traits.region = "us";
  h.Apply(UpsertAgent{remote});
  h.Settle();
  EXPECT_THAT(h.TakeLines(), ElementsAre("plain@* a2 cpus:4;mem:64"));
}

TEST(Whitelist, HoldsForAgentsKnownAndNew) {
  Harness h;
  h.Start({SetWhitelist{{{"good"}}}, UpsertFramework{AFramework("f1")},
           UpsertAgent{AgentAt("a1", "good")}, UpsertAgent{AgentAt("a2", "bad")}});
  EXPECT_THAT(h.TakeLines(), ElementsAre("f1@* a1 cpus:4;mem:64"));
  h.Apply(UpsertAgent{AgentAt("a3", "worse")});
  h.Settle();
  EXPECT_THAT(h.TakeLines(), IsEmpty());
  h.Apply(SetWhitelist{});
  h.Settle();
  EXPECT_THAT(h.TakeLines(), SizeIs(2));
  h.Apply(SetWhitelist{{{}}});
  h.Apply(UpsertAgent{AgentAt("a4", "good")});
  h.Settle();
  EXPECT_THAT(h.TakeLines(), IsEmpty()) << "an empty list is a list";
}

TEST(Recovery, Row18WithQuotasWaitsForAgents) {
  Harness h;
  h.Start({SetRecovery{3}, SetQuota{"eng", {Amounts("cpus:1"), {}}},
           UpsertFramework{AFramework("f1")}, UpsertAgent{AgentAt("a1", "h")}});
  h.Advance(absl::Seconds(30));
  EXPECT_THAT(h.TakeLines(), IsEmpty());
  h.Apply(UpsertAgent{AgentAt("a2", "h")});  // 2 >= floor(0.8 * 3)
  h.Settle();
  EXPECT_THAT(h.TakeLines(), SizeIs(2));
}

TEST(Recovery, Row18WithoutQuotasWaitsForNobody) {
  Harness h;
  h.Start({SetRecovery{3}, UpsertFramework{AFramework("f1")}, UpsertAgent{AgentAt("a1", "h")}});
  EXPECT_THAT(h.TakeLines(), SizeIs(1));
}

TEST(Recovery, EndsWithTimeAndWhenTheMasterSaysSo) {
  const std::vector<Change> books = {SetRecovery{3}, SetQuota{"eng", {Amounts("cpus:1"), {}}},
                                     UpsertFramework{AFramework("f1")},
                                     UpsertAgent{AgentAt("a1", "h")}};
  Harness waits;
  waits.Start(books);
  waits.Advance(Options().recovery_timeout);
  EXPECT_THAT(waits.TakeLines(), SizeIs(1));

  Harness told;
  told.Start(books);
  told.Apply(SetRecovery{0});
  told.Settle();
  EXPECT_THAT(told.TakeLines(), SizeIs(1));
}

class MaintenanceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    h_.Start({UpsertFramework{AFramework("f1")}, UpsertFramework{AFramework("f2", {})},
              UpsertAgent{agent_}});
    h_.Accept(h_.TakeProposal());
    agent_.maintenance = Maintenance{h_.now + absl::Hours(1), absl::Hours(2)};
    h_.Apply(UpsertAgent{agent_});
    h_.Advance(absl::Seconds(1));
  }
  void Settle(absl::Duration refuse) {
    h_.Apply(SettleInverseOffer{FrameworkId("f1"), AgentId("a1"), refuse});
  }

  AgentState agent_ = AgentAt("a1", "h");
  Harness h_;
};

TEST_F(MaintenanceTest, AsksThoseWhoHoldSomethingOnce) {
  EXPECT_THAT(h_.TakeInverseOffers(), ElementsAre("f1 a1"));
  h_.Advance(absl::Seconds(5));
  EXPECT_THAT(h_.TakeInverseOffers(), IsEmpty()) << "one is outstanding";
}

TEST_F(MaintenanceTest, AsksAgainAfterTheRefusal) {
  h_.TakeInverseOffers();
  Settle(absl::Seconds(10));
  h_.Advance(absl::Seconds(9));
  EXPECT_THAT(h_.TakeInverseOffers(), IsEmpty());
  h_.Advance(absl::Seconds(3));
  EXPECT_THAT(h_.TakeInverseOffers(), ElementsAre("f1 a1"));
}

TEST_F(MaintenanceTest, ReviveEndsRefusalsButNotOutstandingOffers) {
  h_.TakeInverseOffers();
  h_.Apply(Revive{FrameworkId("f1"), {}});
  h_.Advance(absl::Seconds(2));
  EXPECT_THAT(h_.TakeInverseOffers(), IsEmpty());
  Settle(absl::Hours(1));
  h_.Apply(Revive{FrameworkId("f1"), {}});
  h_.Advance(absl::Seconds(2));
  EXPECT_THAT(h_.TakeInverseOffers(), ElementsAre("f1 a1"));
}

TEST_F(MaintenanceTest, AnotherScheduleIsAnotherQuestionAndNoneIsNone) {
  h_.TakeInverseOffers();
  agent_.maintenance->duration = absl::Hours(3);
  h_.Apply(UpsertAgent{agent_});
  h_.Advance(absl::Seconds(2));
  EXPECT_THAT(h_.TakeInverseOffers(), ElementsAre("f1 a1"));
  Settle(absl::ZeroDuration());
  agent_.maintenance.reset();
  h_.Apply(UpsertAgent{agent_});
  h_.Advance(absl::Seconds(2));
  EXPECT_THAT(h_.TakeInverseOffers(), IsEmpty());
  h_.Apply(RemoveAgent{AgentId("a1")});
  Settle(absl::ZeroDuration());  // raced with the removal
  EXPECT_THAT(h_.TakeResets(), IsEmpty());
}

TEST(Priority, GoesBeforeShare) {
  Harness h;
  h.Start({Settings("low", {.priority = -1}), UpsertFramework{AFramework("f1", {"low"})},
           UpsertFramework{AFramework("f2", {"normal"})}});
  for (int i = 0; i < 4; ++i) {
    h.Apply(UpsertAgent{AgentAt(absl::StrCat("a", i), "h")});
    h.Settle();
    EXPECT_EQ(h.TakeProposal().role, "normal");
  }
  h.Apply(Settings("low", {.priority = 1}));
  h.Apply(UpsertAgent{AgentAt("b", "h")});
  h.Settle();
  EXPECT_EQ(h.TakeProposal().role, "low");
}

TEST(Lottery, GrantsInProportionToWeights) {
  std::vector<Change> books = {Settings("", {.sorter = Sorter::kRandom}), SetWeight{"b", 3}};
  for (const char* role : {"a", "b"}) {
    books.push_back(UpsertFramework{AFramework(absl::StrCat("f-", role), {role})});
  }
  for (int i = 0; i < 4000; ++i) {
    books.push_back(UpsertAgent{AnAgent(absl::StrCat("a", i), i % 2 == 0 ? "cpus:1" : "cpus:9")});
  }
  Harness h(Options(), 3);
  h.Start(books);
  std::map<std::string, int> grants;
  for (const Proposal& proposal : h.TakeProposals()) ++grants[proposal.role];
  EXPECT_NEAR(grants["b"], 3000, 150) << "5 standard deviations; sizes do not matter";
}

TEST(Lottery, HoldsBelowTheRoleThatAsksForIt) {
  std::vector<Change> books = {Settings("a", {.sorter = Sorter::kRandom})};
  for (const char* role : {"a/x", "a/y", "b/x", "b/y"}) {
    books.push_back(UpsertFramework{AFramework(std::string("f-") + role[0] + role[2], {role})});
  }
  for (int i = 0; i < 400; ++i) {
    books.push_back(UpsertAgent{AnAgent(absl::StrCat("a", i), "cpus:1")});
  }
  Harness h(Options(), 3);
  h.Start(books);
  std::map<std::string, int> grants;
  for (const Proposal& proposal : h.TakeProposals()) ++grants[proposal.role];
  EXPECT_EQ(grants["a/x"] + grants["a/y"], 200);
  EXPECT_EQ(grants["b/x"], 100);
  EXPECT_NE(grants["a/x"], 100) << "100 of 200 would be a rare draw";
  EXPECT_NEAR(grants["a/x"], 100, 36);
}

class PlacementTest : public ::testing::Test {
 protected:
  // The agents of the first `count` proposals of the role.
  std::vector<std::string> Order(Placement placement) {
    Harness h;
    std::vector<Change> books = {Settings("a", {.placement = placement}),
                                 UpsertFramework{AFramework("f1", {"a/b"})}};
    for (int i = 1; i <= 5; ++i) {
      books.push_back(UpsertAgent{AnAgent(absl::StrCat("a", i), absl::StrCat("cpus:", i))});
    }
    h.Start(books);
    std::vector<std::string> order;
    for (const Proposal& proposal : h.TakeProposals()) order.push_back(proposal.agent.value());
    return order;
  }
};

TEST_F(PlacementTest, SpreadBeginsWithTheEmptiestPackWithTheFullest) {
  EXPECT_THAT(Order(Placement::kSpread), ElementsAre("a5", "a4", "a3", "a2", "a1"));
  EXPECT_THAT(Order(Placement::kPack), ElementsAre("a1", "a2", "a3", "a4", "a5"));
  EXPECT_THAT(Order(Placement::kRandom), UnorderedElementsAre("a1", "a2", "a3", "a4", "a5"));
}

TEST_F(PlacementTest, EachRoleHasItsOwn) {
  Harness h;
  std::vector<Change> books = {Settings("s", {.placement = Placement::kSpread}),
                               Settings("p", {.placement = Placement::kPack}),
                               UpsertFramework{AFramework("fp", {"p"})},
                               UpsertFramework{AFramework("fs", {"s"})}};
  for (int i = 1; i <= 2; ++i) {
    books.push_back(UpsertAgent{AnAgent(absl::StrCat("a", i), absl::StrCat("cpus:", i))});
  }
  h.Start(books);
  EXPECT_THAT(h.TakeLines(), ElementsAre("fp@p a1 cpus:1", "fs@s a2 cpus:2"));
}

TEST(OfferSize, SlicesOfAnAgentGoToSeveral) {
  Harness h;
  h.Start({Settings("a", {.offer_max = Limits("cpus:4")}), UpsertFramework{AFramework("f1", {"a"})},
           UpsertFramework{AFramework("f2", {"a"})},
           UpsertAgent{AnAgent("a1", "cpus:16;mem:1600;ports:[1-100]")}});
  std::map<std::string, int> slices;
  for (const Proposal& proposal : h.TakeProposals()) {
    EXPECT_EQ(proposal.resources.GetScalar(resources::ResourceName::Cpus()),
              resources::Scalar::FromUnits(4));
    EXPECT_EQ(proposal.resources.GetScalar(resources::ResourceName::Mem()),
              resources::Scalar::FromUnits(400));
    EXPECT_EQ(proposal.resources.GetRanges(resources::ResourceName::Ports()).Count(), 25);
    ++slices[proposal.framework.value()];
  }
  EXPECT_EQ(slices, (std::map<std::string, int>{{"f1", 2}, {"f2", 2}}));
}

TEST(OfferSize, OneThatIsAloneGetsAllSlices) {
  Harness h;
  h.Start({Settings("a", {.offer_max = Limits("cpus:6")}), UpsertFramework{AFramework("f1", {"a"})},
           UpsertAgent{AnAgent("a1", "cpus:16;mem(a):100")}});
  EXPECT_THAT(h.TakeLines(),
              ElementsAre("f1@a a1 cpus:4", "f1@a a1 cpus:6", "f1@a a1 cpus:6;mem(a):100"));
}

TEST(MinAllocatable, OfARoleHoldsForFrameworksThatNameNone) {
  FrameworkState modest = AFramework("modest", {"a"});
  modest.min_allocatable["a"].any_of = {Amounts("cpus:1")};
  Harness h;
  h.Start({Settings("a", {.min_allocatable = MinAllocatable{{Amounts("cpus:8")}}}),
           UpsertFramework{AFramework("plain", {"a"})}, UpsertAgent{AgentAt("a1", "h")}});
  EXPECT_THAT(h.TakeLines(), IsEmpty());
  h.Apply(UpsertFramework{modest});
  h.Settle();
  EXPECT_THAT(h.TakeLines(), ElementsAre("modest@a a1 cpus:4;mem:64"));
}

TEST(Sweep, LooksAtEveryAgentOnceInItsTime) {
  std::vector<Change> books = {UpsertFramework{AFramework("f1")}};
  for (int i = 0; i < 50; ++i)
    books.push_back(UpsertAgent{AnAgent(absl::StrCat("a", i), "disk:1")});
  Options options;
  options.sweep_interval = absl::Seconds(100);
  options.min_allocatable.any_of = {Amounts("cpus:1")};
  Harness h(options);
  h.Start(books);
  const auto looks = [&] { return h.core.stats().gates[static_cast<size_t>(Gate::kBelowMinimum)]; };
  EXPECT_EQ(looks(), 50);
  h.Advance(absl::Seconds(51));
  EXPECT_NEAR(static_cast<double>(looks()), 75, 2);
  h.Advance(absl::Seconds(50));
  EXPECT_NEAR(static_cast<double>(looks()), 100, 2);
}

}  // namespace
}  // namespace meros::allocator
