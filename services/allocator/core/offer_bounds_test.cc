// How much a framework gets to think about at a time: offers in flight, agents divided by demand,
// and offers of one fate.
#include <map>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/allocator/core/filters/offer_size.h"
#include "services/allocator/core/test_harness.h"

namespace meros::allocator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

ConfigureRole Settings(const std::string& role, RoleSettings settings) {
  return {role, std::move(settings)};
}

std::vector<Change> ThreeAgents(std::vector<Change> books) {
  for (const char* id : {"a1", "a2", "a3"}) books.push_back(UpsertAgent{AnAgent(id, "cpus:4")});
  return books;
}

// The master makes an offer of each proposal.
std::vector<Proposal> AcceptAll(Harness* h) {
  std::vector<Proposal> proposals = h->TakeProposals();
  for (const Proposal& proposal : proposals) h->AcceptAsOffer(proposal);
  return proposals;
}

// --- Offers in flight

TEST(OffersInFlight, OneWhoHoldsAllItMayGetsNoMoreBeforeItAnswers) {
  Harness h;
  h.Start(ThreeAgents(
      {Settings("a", {.max_offers_in_flight = 2}), UpsertFramework{AFramework("f1", {"a"})}}));
  const std::vector<Proposal> offers = AcceptAll(&h);
  ASSERT_THAT(offers, SizeIs(2)) << "proposals on their way count";
  h.Advance(absl::Seconds(5));
  EXPECT_THAT(h.TakeProposals(), IsEmpty());

  h.EndOffer(offers[0], offers[0].resources, absl::Seconds(100));  // declined
  h.Settle();

  const Proposal third = h.TakeProposal();
  EXPECT_NE(third.agent, offers[0].agent);
  EXPECT_NE(third.agent, offers[1].agent);
}

TEST(OffersInFlight, WhatOneMayNotHaveGoesToOthers) {
  Harness h;
  h.Start(ThreeAgents({Settings("a", {.max_offers_in_flight = 1}),
                       UpsertFramework{AFramework("f1", {"a"})},
                       UpsertFramework{AFramework("f2", {"b"})}}));
  std::map<std::string, int> offers;
  for (const Proposal& proposal : h.TakeProposals()) ++offers[proposal.framework.value()];
  EXPECT_EQ(offers, (std::map<std::string, int>{{"f1", 1}, {"f2", 2}}));
}

TEST(OffersInFlight, AnAcceptedOfferIsAnsweredThoughItsResourcesAreKept) {
  Harness h;
  h.Start(ThreeAgents(
      {Settings("a", {.max_offers_in_flight = 1}), UpsertFramework{AFramework("f1", {"a"})}}));
  const std::vector<Proposal> offers = AcceptAll(&h);
  ASSERT_THAT(offers, SizeIs(1));

  h.EndOffer(offers[0], Resources());  // launched with all of it
  h.Settle();

  EXPECT_NE(h.TakeProposal().agent, offers[0].agent);
}

TEST(OffersInFlight, ARejectedProposalIsNone) {
  Harness h;
  h.Start(ThreeAgents(
      {Settings("a", {.max_offers_in_flight = 1}), UpsertFramework{AFramework("f1", {"a"})}}));
  const Proposal first = h.TakeProposal();
  h.Reject(first, RejectReason::kNotFree);
  h.Settle();
  EXPECT_NE(h.TakeProposal().agent, first.agent);
}

TEST(OffersInFlight, ASnapshotSaysHowManyAreOpen) {
  Harness h;
  h.Start(
      ThreeAgents({Settings("a", {.max_offers_in_flight = 2}),
                   UpsertFramework{AFramework("f1", {"a"})}, UpsertAgent{AnAgent("a0", "cpus:8")},
                   Allocate{{FrameworkId("f1"), "a"}, AgentId("a0"), Text("cpus:3"), 0, 2}}));
  EXPECT_THAT(h.TakeProposals(), IsEmpty());
  h.Apply(Recover{{FrameworkId("f1"), "a"}, AgentId("a0"), Text("cpus:1"), {}, 0, 1});
  h.Settle();
  EXPECT_THAT(h.TakeProposals(), SizeIs(1));
}

TEST(OffersInFlight, AnAgentTakesItsOffersWithIt) {
  Harness h;
  h.Start(ThreeAgents(
      {Settings("a", {.max_offers_in_flight = 1}), UpsertFramework{AFramework("f1", {"a"})}}));
  const std::vector<Proposal> offers = AcceptAll(&h);
  ASSERT_THAT(offers, SizeIs(1));
  h.Apply(RemoveAgent{offers[0].agent});
  h.Settle();
  EXPECT_THAT(h.TakeProposals(), SizeIs(1));
}

TEST(OffersInFlight, MoreEndedThanWereHeldIsAContradiction) {
  Harness h;
  h.Start(
      ThreeAgents({UpsertFramework{AFramework("f1", {"a"})}, UpsertAgent{AnAgent("a0", "cpus:8")},
                   Allocate{{FrameworkId("f1"), "a"}, AgentId("a0"), Text("cpus:3"), 0, 1}}));
  h.Apply(Recover{{FrameworkId("f1"), "a"}, AgentId("a0"), Text("cpus:1"), {}, 0, 2});
  EXPECT_THAT(h.TakeResets(), ElementsAre(HasSubstr("holds 1 offers of agent a0, and 2")));
}

TEST(OffersInFlight, TheNearestRoleThatSetsItCounts) {
  Harness h;
  h.Start(ThreeAgents({Settings("a", {.max_offers_in_flight = 1}),
                       Settings("a/b", {.max_offers_in_flight = 2}),
                       UpsertFramework{AFramework("f1", {"a/b/c"})}}));
  EXPECT_THAT(h.TakeProposals(), SizeIs(2));
  h.Apply(Settings("a/b", {}));
  EXPECT_EQ(h.core.books()->mirror.roles().FindRole("a/b/c")->max_offers_in_flight(), 1);
}

TEST(OffersInFlight, ExplainNamesTheStage) {
  Harness h;
  h.Start(ThreeAgents(
      {Settings("a", {.max_offers_in_flight = 1}), UpsertFramework{AFramework("f1", {"a"})}}));
  AcceptAll(&h);
  ExplainQuery query;
  query.framework = FrameworkId("f1");
  const Explanation why = *h.Ask(query);
  EXPECT_EQ(why.stages[static_cast<size_t>(Stage::kOffersInFlight)].agents, 2);
  EXPECT_THAT(why.blocked, ElementsAre(HasSubstr("1 unanswered offers")));
}

// --- Division by demand

TEST(OfferSplit, AnAgentIsDividedAmongThoseWhoWantOffers) {
  Harness h;
  h.Start({Settings("a", {.offer_split = OfferSplit::kByDemand}),
           UpsertFramework{AFramework("f1", {"a"})}, UpsertFramework{AFramework("f2", {"a"})},
           UpsertFramework{AFramework("f3", {"a"})},
           UpsertAgent{AnAgent("a1", "cpus:12;mem:300")}});
  EXPECT_THAT(h.TakeLines(), ElementsAre("f1@a a1 cpus:4;mem:100", "f2@a a1 cpus:4;mem:100",
                                         "f3@a a1 cpus:4;mem:100"));
}

TEST(OfferSplit, OneThatIsAloneGetsTheWholeAgent) {
  Harness h;
  h.Start({Settings("a", {.offer_split = OfferSplit::kByDemand}),
           UpsertFramework{AFramework("f1", {"a"})}, UpsertAgent{AnAgent("a1", "cpus:12")}});
  EXPECT_THAT(h.TakeLines(), ElementsAre("f1@a a1 cpus:12"));
}

TEST(OfferSplit, WhatOthersPassByGoesToTheFirstAsAWhole) {
  FrameworkState large = AFramework("f2", {"a"});
  large.min_allocatable["a"].any_of = {Amounts("cpus:100")};
  Harness h;
  h.Start({Settings("a", {.offer_split = OfferSplit::kByDemand}),
           UpsertFramework{AFramework("f1", {"a"})}, UpsertFramework{large},
           UpsertAgent{AnAgent("a1", "cpus:12")}});
  EXPECT_THAT(h.TakeLines(), ElementsAre("f1@a a1 cpus:6", "f1@a a1 cpus:6"));
}

TEST(OfferSplit, APartIsWorthOffering) {
  const Resources offer = Text("cpus:8;mem:800");
  const MinAllocatable least{{Amounts("cpus:3")}};
  const auto cut = [&](size_t parts) {
    return CutToPart(offer, offer.ScalarQuantities(), parts, least).DebugString();
  };
  EXPECT_EQ(cut(2), "cpus:4;mem:400");
  EXPECT_EQ(cut(4), "cpus:4;mem:400") << "2 cpus would be less than is worth offering";
  EXPECT_EQ(cut(1 << 20), "cpus:4;mem:400");
  EXPECT_EQ(cut(1), "cpus:8;mem:800");
}

TEST(OfferSplit, OthersGetWholeAgents) {
  Harness h;
  h.Start({Settings("a", {.offer_split = OfferSplit::kByDemand}),
           Settings("a/b", {.offer_split = OfferSplit::kNone}),
           UpsertFramework{AFramework("f1", {"a/b"})}, UpsertFramework{AFramework("f2", {"a/b"})},
           UpsertAgent{AnAgent("a1", "cpus:12")}});
  EXPECT_THAT(h.TakeLines(), ElementsAre("f1@a/b a1 cpus:12"));
}

// --- One fate

FrameworkState Able(const std::string& id) {
  FrameworkState framework = AFramework(id);
  framework.capabilities.revocable_resources = true;
  framework.capabilities.shared_resources = true;
  return framework;
}

// "cpus:4" of an agent, "cpus:2" of which can be revoked, and a volume for everyone.
AgentState WithEverything() {
  AgentState agent = AnAgent("a1", "cpus:4;mem:64");
  resources::Metadata revocable;
  revocable.revocable = true;
  agent.total.Add(resources::Resource(resources::ResourceName::Cpus(),
                                      resources::Scalar::FromUnits(2),
                                      resources::MetadataRef(revocable)));
  return agent;
}

TEST(OfferParts, WhatCanBeRevokedIsAnOfferOfItsOwn) {
  Harness h;
  h.Start({UpsertFramework{Able("f1")}, UpsertAgent{WithEverything()}});
  const std::vector<Proposal> offers = AcceptAll(&h);
  ASSERT_THAT(offers, SizeIs(2));
  EXPECT_FALSE(offers[0].resources.begin()->is_revocable());
  EXPECT_EQ(offers[0].resources, Text("cpus:4;mem:64"));
  EXPECT_TRUE(offers[1].resources.begin()->is_revocable());
}

TEST(OfferParts, EachIsRefusedByItself) {
  Harness h;
  h.Start({UpsertFramework{Able("f1")}, UpsertAgent{WithEverything()}});
  const std::vector<Proposal> offers = AcceptAll(&h);
  ASSERT_THAT(offers, SizeIs(2));

  h.EndOffer(offers[0], offers[0].resources, absl::Seconds(100));
  h.EndOffer(offers[1], offers[1].resources, absl::Seconds(10));
  h.Settle();
  EXPECT_THAT(h.TakeProposals(), IsEmpty()) << "both are refused";

  h.Advance(absl::Seconds(12));
  EXPECT_EQ(h.TakeProposal().resources, offers[1].resources);
}

}  // namespace
}  // namespace meros::allocator
