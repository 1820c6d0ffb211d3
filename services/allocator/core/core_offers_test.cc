// Who is offered what: the classic example, fairness between frameworks and roles, refusals,
// revival, minima, capabilities, rejected proposals.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/allocator/core/test_harness.h"

namespace meros::allocator {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kAgent[] = "cpus:4;mem:4096";

TEST(Offers, TheClassicExample) {
  Harness h;
  h.Start({UpsertFramework{AFramework("f1")}, UpsertAgent{AnAgent("a1", kAgent)}});
  const Proposal offer = h.TakeProposal();
  EXPECT_EQ(Line(offer), "f1@* a1 cpus:4;mem:4096");
  h.Accept(offer);
  h.Apply(UpsertFramework{AFramework("f2")});
  h.Settle();
  EXPECT_THAT(h.TakeLines(), IsEmpty());

  // Two tasks of 2 cpus, 1 GB and 1 cpu, 2 GB; the rest is declined.
  h.GiveBack(offer, Text("cpus:1;mem:1024"), absl::Seconds(5));
  h.Settle();

  EXPECT_THAT(h.TakeLines(), ElementsAre("f2@* a1 cpus:1;mem:1024"));
}

TEST(Offers, TheRestGoesToTheOtherAlsoWithoutAFilter) {
  Harness h;
  h.Start({UpsertFramework{AFramework("f1")}, UpsertAgent{AnAgent("a1", kAgent)}});
  const Proposal offer = h.TakeProposal();
  h.Accept(offer);
  h.Apply(UpsertFramework{AFramework("f2")});
  h.GiveBack(offer, Text("cpus:1;mem:1024"));
  h.Settle();
  EXPECT_THAT(h.TakeLines(), ElementsAre("f2@* a1 cpus:1;mem:1024"));
}

TEST(Offers, FreedResourcesAreOfferedWithoutWaitingForTheBatch) {
  Harness h;
  h.Start({UpsertFramework{AFramework("f1")}, UpsertAgent{AnAgent("a1", kAgent)}});
  const Proposal offer = h.TakeProposal();
  h.Accept(offer);
  const uint64_t batches = h.core.stats().batch_runs;
  h.GiveBack(offer, Text("cpus:1;mem:64"));
  h.Settle();
  EXPECT_THAT(h.TakeLines(), SizeIs(1));
  EXPECT_EQ(h.core.stats().batch_runs, batches);
}

TEST(Offers, EventsThatArriveTogetherAreOneRun) {
  Harness h;
  h.Start({UpsertFramework{AFramework("f1")}});
  const uint64_t runs = h.core.stats().event_runs;
  for (int i = 0; i < 10; ++i) {
    h.Apply(UpsertAgent{AnAgent(absl::StrCat("a", i), kAgent)});
  }
  h.Settle();
  EXPECT_THAT(h.TakeLines(), SizeIs(10));
  EXPECT_EQ(h.core.stats().event_runs, runs + 1);
}

TEST(Fairness, AgentsAreSharedBetweenFrameworks) {
  Harness h;
  std::vector<Change> books = {UpsertFramework{AFramework("f1")},
                               UpsertFramework{AFramework("f2")}};
  for (int i = 0; i < 10; ++i) {
    books.push_back(UpsertAgent{AnAgent(absl::StrCat("a", i), kAgent)});
  }
  h.Start(books);
  size_t first = 0;
  const std::vector<Proposal> proposals = h.TakeProposals();
  for (const Proposal& proposal : proposals) first += proposal.framework.value() == "f1";
  EXPECT_THAT(proposals, SizeIs(10));
  EXPECT_EQ(first, 5);
}

TEST(Fairness, WhoIdlesWithoutDemandLeavesTheClusterToOthersAndGetsItsShareBackLater) {
  Harness h;
  FrameworkState idle = AFramework("idle");
  idle.suppressed_roles = {"*"};
  h.Start({UpsertFramework{AFramework("busy")}, UpsertFramework{idle},
           UpsertAgent{AnAgent("a1", kAgent)}, UpsertAgent{AnAgent("a2", kAgent)}});
  std::vector<Proposal> proposals = h.TakeProposals();
  ASSERT_THAT(proposals, SizeIs(2));
  for (const Proposal& proposal : proposals) {
    EXPECT_EQ(proposal.framework.value(), "busy");
    h.Accept(proposal);
  }

  h.Apply(Revive{FrameworkId("idle"), {}});
  h.GiveBack(proposals[0], proposals[0].resources);
  h.Settle();

  const Proposal offer = h.TakeProposal();
  EXPECT_EQ(offer.framework.value(), "idle");
}

TEST(Fairness, WeightsDivideAmongRoles) {
  Harness h;
  std::vector<Change> books = {UpsertFramework{AFramework("f1", {"eng"})},
                               UpsertFramework{AFramework("f2", {"ads"})}, SetWeight{"eng", 3}};
  for (int i = 0; i < 40; ++i) {
    books.push_back(UpsertAgent{AnAgent(absl::StrCat("a", i), kAgent)});
  }
  h.Start(books);
  size_t eng = 0;
  for (const Proposal& proposal : h.TakeProposals()) eng += proposal.role == "eng";
  EXPECT_EQ(eng, 30);
}

TEST(Fairness, ReservedResourcesGoToTheirRoleAndItsSubRolesOnly) {
  Harness h;
  h.Start({UpsertFramework{AFramework("f1", {"ads"})},
           UpsertFramework{AFramework("f2", {"eng/web"})},
           UpsertAgent{AnAgent("a1", "cpus(eng):3;mem(eng):512;cpus:1;mem:512")}});
  EXPECT_THAT(h.TakeLines(),
              ElementsAre("f1@ads a1 cpus:1;mem:512", "f2@eng/web a1 cpus(eng):3;mem(eng):512"));
}

TEST(Refusals, EndWhenTheFrameworkIsDescribedAnewAsNoLongerSuppressed) {
  Harness h;
  h.Start({UpsertFramework{AFramework("f1")}, UpsertAgent{AnAgent("a1", kAgent)}});
  const Proposal offer = h.TakeProposal();
  h.Accept(offer);
  h.GiveBack(offer, offer.resources, absl::Hours(1));
  h.Settle();
  EXPECT_THAT(h.TakeLines(), IsEmpty());
  FrameworkState suppressed = AFramework("f1");
  suppressed.suppressed_roles = {"*"};
  h.Apply(UpsertFramework{suppressed});
  h.Settle();
  EXPECT_THAT(h.TakeLines(), IsEmpty());

  h.Apply(UpsertFramework{AFramework("f1")});
  h.Settle();

  EXPECT_THAT(h.TakeLines(), SizeIs(1));
}

TEST(Refusals, Row6KeepTheSameAwayUntilTheyEnd) {
  Harness h;
  h.Start({UpsertFramework{AFramework("f1")}, UpsertAgent{AnAgent("a1", kAgent)}});
  const Proposal offer = h.TakeProposal();
  h.Accept(offer);
  h.GiveBack(offer, offer.resources, absl::Seconds(5));
  h.Advance(absl::Milliseconds(4990));
  EXPECT_THAT(h.TakeLines(), IsEmpty());
  h.Advance(absl::Milliseconds(20));
  EXPECT_THAT(h.TakeLines(), SizeIs(1)) << "as soon as the refusal ends";
}

TEST(Refusals, Row6OfNoTimeAreOfferedAgainInTheNextRun) {
  Harness h;
  h.Start({UpsertFramework{AFramework("f1")}, UpsertAgent{AnAgent("a1", kAgent)}});
  const Proposal offer = h.TakeProposal();
  h.Accept(offer);

  h.GiveBack(offer, offer.resources, absl::ZeroDuration());
  h.Settle();

  EXPECT_THAT(h.TakeLines(), ElementsAre("f1@* a1 cpus:4;mem:4096"));
}

TEST(Refusals, Row7MoreThanWasRefusedDefeatsThem) {
  Harness h;
  h.Start({UpsertFramework{AFramework("f1")}, UpsertAgent{AnAgent("a1", kAgent)}});
  const Proposal offer = h.TakeProposal();
  h.Accept(offer);
  h.GiveBack(offer, Text("cpus:1;mem:1024"), absl::Seconds(3600));
  h.Settle();
  EXPECT_THAT(h.TakeLines(), IsEmpty());
  h.GiveBack(offer, Text("cpus:3;mem:3072"));
  h.Settle();
  EXPECT_THAT(h.TakeLines(), ElementsAre("f1@* a1 cpus:4;mem:4096"));
}

TEST(Refusals, Row7EndWithReviveDeactivationAndNewTraits) {
  const auto refuse = [](Harness* h) {
    const Proposal offer = h->TakeProposal();
    h->Accept(offer);
    h->GiveBack(offer, offer.resources, absl::Hours(1));
    h->Settle();
    EXPECT_THAT(h->TakeLines(), IsEmpty());
  };
  Harness h;
  h.Start({UpsertFramework{AFramework("f1")}, UpsertAgent{AnAgent("a1", kAgent)}});
  refuse(&h);
  h.Apply(Revive{FrameworkId("f1"), {"*"}});
  h.Settle();
  refuse(&h);
  FrameworkState gone = AFramework("f1");
  gone.active = false;
  h.Apply(UpsertFramework{gone});
  h.Apply(UpsertFramework{AFramework("f1")});
  h.Settle();
  refuse(&h);
  AgentState changed = AnAgent("a1", kAgent);
  changed.traits.zone = "b";
  h.Apply(UpsertAgent{changed});
  h.Settle();
  EXPECT_THAT(h.TakeLines(), SizeIs(1));
}

TEST(Refusals, AreOfOneRole) {
  Harness h;
  h.Start({UpsertFramework{AFramework("f1", {"ads", "eng"})}, UpsertAgent{AnAgent("a1", kAgent)}});
  const Proposal offer = h.TakeProposal();
  h.Accept(offer);
  h.GiveBack(offer, offer.resources, absl::Hours(1));
  h.Settle();
  const Proposal next = h.TakeProposal();
  EXPECT_NE(next.role, offer.role);
}

TEST(Suppress, EndsOffersInTheRolesNamed) {
  Harness h;
  h.Open();
  h.Snapshot({UpsertFramework{AFramework("f1", {"ads", "eng"})}});
  h.Apply(Suppress{FrameworkId("f1"), {"ads"}});
  h.Apply(UpsertAgent{AnAgent("a1", kAgent)});
  h.Settle();
  EXPECT_THAT(h.TakeLines(), ElementsAre("f1@eng a1 cpus:4;mem:4096"));
}

TEST(Demand, InactiveFrameworksAndAgentsAreLeftAlone) {
  Harness h;
  FrameworkState away = AFramework("f1");
  away.active = false;
  AgentState draining = AnAgent("a2", kAgent);
  draining.active = false;
  h.Start({UpsertFramework{away}, UpsertAgent{AnAgent("a1", kAgent)}, UpsertAgent{draining}});
  h.Advance(absl::Seconds(3));
  EXPECT_THAT(h.TakeLines(), IsEmpty());
  h.Apply(UpsertFramework{AFramework("f1")});
  h.Settle();
  EXPECT_THAT(h.TakeLines(), ElementsAre("f1@* a1 cpus:4;mem:4096"));
}

TEST(Minimum, Row14DefaultAndPerRole) {
  Options options;
  options.min_allocatable.any_of = {Amounts("cpus:0.01"), Amounts("mem:32")};
  Harness h(options);
  FrameworkState picky = AFramework("picky", {"eng"});
  picky.min_allocatable["eng"].any_of = {Amounts("cpus:2;mem:64")};
  h.Start({UpsertFramework{picky}, UpsertFramework{AFramework("z")},
           UpsertAgent{AnAgent("crumbs", "disk:100;mem:31")},
           UpsertAgent{AnAgent("small", "cpus:1;mem:64")}});
  EXPECT_THAT(h.TakeLines(), ElementsAre("z@* small cpus:1;mem:64"));
  h.Apply(UpsertAgent{AnAgent("large", "cpus:2;mem:64")});
  h.Settle();
  EXPECT_THAT(h.TakeLines(), ElementsAre("picky@eng large cpus:2;mem:64"));
}

TEST(Capability, Row14AgentsWithGpusAreKeptForThoseWhoCanUseThem) {
  Harness h;
  FrameworkState able = AFramework("able");
  able.capabilities.gpu_resources = true;
  h.Start(
      {UpsertFramework{AFramework("a_plain")}, UpsertAgent{AnAgent("a1", "cpus:4;mem:64;gpus:1")}});
  EXPECT_THAT(h.TakeLines(), IsEmpty());
  h.Apply(UpsertFramework{able});
  h.Settle();
  EXPECT_THAT(h.TakeLines(), ElementsAre("able@* a1 cpus:4;mem:64;gpus:1"));
}

TEST(Capability, Row13RefinedReservationsOnlyForThoseWhoCanReadThem) {
  const resources::Reservation refined = {resources::Reservation::Kind::kDynamic, "eng/web", "p"};
  Harness h;
  AgentState agent = AnAgent("a1", "cpus:1;mem:64;disk(eng):100");
  agent.total += Text("mem(eng):32").PushReservation(refined);
  h.Start({UpsertFramework{AFramework("plain", {"eng/web"})}, UpsertAgent{agent}});
  const Proposal plain = h.TakeProposal();
  EXPECT_EQ(Line(plain), "plain@eng/web a1 cpus:1;mem:64;disk(eng):100");

  h.Accept(plain);
  FrameworkState able = AFramework("able", {"eng/web"});
  able.capabilities.reservation_refinement = true;
  h.Apply(UpsertFramework{able});
  h.Settle();

  const Proposal rest = h.TakeProposal();
  EXPECT_EQ(rest.framework.value(), "able");
  EXPECT_EQ(rest.resources, agent.total - plain.resources);
}

TEST(Capability, RevocableAndSharedOnlyForThoseWhoKnowThem) {
  Harness h;
  AgentState agent = AnAgent("a1", "cpus:1;mem:64");
  resources::Metadata revocable;
  revocable.revocable = true;
  agent.total +=
      resources::Resource(resources::ResourceName::Cpus(), resources::Scalar::FromUnits(2),
                          resources::MetadataRef(revocable));
  resources::Metadata shared;
  shared.reservations.push_back({.role = "*"});
  shared.reservations[0].role = "eng";
  shared.disk.emplace();
  shared.disk->persistence = resources::Persistence{"v", std::nullopt};
  shared.shared = true;
  agent.total +=
      resources::Resource(resources::ResourceName::Disk(), resources::Scalar::FromUnits(10),
                          resources::MetadataRef(shared));
  h.Start({UpsertFramework{AFramework("f1", {"eng"})}, UpsertAgent{agent}});
  const Proposal plain = h.TakeProposal();
  EXPECT_EQ(Line(plain), "f1@eng a1 cpus:1;mem:64");
  h.Accept(plain);
  h.GiveBack(plain, plain.resources, absl::Hours(1));

  FrameworkState able = AFramework("f2", {"eng"});
  able.capabilities.revocable_resources = true;
  able.capabilities.shared_resources = true;
  h.Apply(UpsertFramework{able});
  h.Settle();

  const std::vector<Proposal> parts = h.TakeProposals();
  ASSERT_THAT(parts, SizeIs(2)) << "what is revocable is an offer of its own";
  EXPECT_EQ(parts[0].resources, agent.total.NonRevocable()) << "what is shared goes with the rest";
  EXPECT_EQ(parts[1].resources, agent.total.Revocable());
  // What is shared is never used up; what is held of it comes back once.
  for (const Proposal& part : parts) h.Accept(part);
  for (const Proposal& part : parts) h.GiveBack(part, part.resources);
  EXPECT_THAT(h.TakeResets(), IsEmpty());
}

TEST(Rejected, GoesToOthersAtOnceAndToTheSameWithTheBatch) {
  Harness h;
  h.Start({UpsertFramework{AFramework("f1")}, UpsertAgent{AnAgent("a1", kAgent)}});
  const Proposal first = h.TakeProposal();
  h.Apply(UpsertFramework{AFramework("f2")});
  h.Reject(first, RejectReason::kTooManyOffers);
  h.Settle();
  const Proposal second = h.TakeProposal();
  EXPECT_EQ(second.framework.value(), "f2");
  h.Reject(second, RejectReason::kFrameworkNotActive);
  h.Settle();
  EXPECT_THAT(h.TakeLines(), IsEmpty()) << "no quarrel at the speed of the network";
  h.Advance(absl::Seconds(1));
  EXPECT_THAT(h.TakeLines(), SizeIs(1));
}

TEST(Rejected, AnAgentThatIsNotActiveIsLeftAloneUntilTheBatch) {
  Harness h;
  h.Start({UpsertFramework{AFramework("f1")}, UpsertFramework{AFramework("f2")},
           UpsertAgent{AnAgent("a1", kAgent)}});
  h.Reject(h.TakeProposal(), RejectReason::kAgentNotActive);
  h.Settle();
  EXPECT_THAT(h.TakeLines(), IsEmpty());
  h.Advance(absl::Seconds(1));
  EXPECT_THAT(h.TakeLines(), SizeIs(1));
}

TEST(Overcommitted, AgentsOfferNothingUntilEnoughHasComeBack) {
  Harness h;
  h.Start({UpsertFramework{AFramework("f1")}, UpsertAgent{AnAgent("a1", kAgent)}});
  const Proposal offer = h.TakeProposal();
  h.Accept(offer);
  h.Apply(UpsertAgent{AnAgent("a1", "cpus:2;mem:2048")});
  h.GiveBack(offer, Text("cpus:2;mem:2048"));
  h.Settle();
  EXPECT_THAT(h.TakeLines(), IsEmpty());
  h.GiveBack(offer, Text("cpus:1;mem:1024"));
  h.Settle();
  EXPECT_THAT(h.TakeLines(), ElementsAre("f1@* a1 cpus:1;mem:1024"));
}

TEST(Removal, OfAFrameworkFreesWhatItHeld) {
  Harness h;
  h.Start({UpsertFramework{AFramework("f1")}, UpsertAgent{AnAgent("a1", kAgent)}});
  h.Accept(h.TakeProposal());
  h.Apply(UpsertFramework{AFramework("f2")});
  h.Apply(RemoveFramework{FrameworkId("f1")});
  h.Settle();
  EXPECT_THAT(h.TakeLines(), ElementsAre("f2@* a1 cpus:4;mem:4096"));
}

}  // namespace
}  // namespace meros::allocator
