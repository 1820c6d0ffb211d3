// Gangs: all bundles are proposed together or none is; what is free is set aside for one gang at a
// time and for a bounded time; what stands against an offer stands against a part of a gang; a
// gang's proposal is rejected as a whole and made anew. At the end, random histories.
#include <numeric>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/allocator/core/model_master.h"

namespace meros::allocator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

// Suppressed: gangs are all it wants.
FrameworkState Batch(const std::string& id, const std::string& role = "*") {
  FrameworkState state = AFramework(id, {role});
  state.suppressed_roles = {role};
  return state;
}

GangState AGang(const std::string& framework, const std::string& id, uint32_t count,
                absl::string_view amount, const std::string& role = "*") {
  GangState gang;
  gang.key = {FrameworkId(framework), id};
  gang.role = role;
  gang.bundles = {{Amounts(amount), count}};
  gang.remaining = absl::Minutes(10);
  return gang;
}

GangState Distinct(GangState gang) {
  gang.distinct_agents = true;
  return gang;
}

// "a1 cpus:4" for each part.
std::vector<std::string> PartsOf(const GangProposal& gang) {
  std::vector<std::string> lines;
  for (const GangProposal::Part& part : gang.parts) {
    lines.push_back(absl::StrCat(part.agent.value(), " ", part.resources.DebugString()));
  }
  return lines;
}

void Reject(Harness* h, const GangProposal& gang, RejectReason first) {
  std::vector<MasterMessage> results;
  for (const GangProposal::Part& part : gang.parts) {
    results.push_back(ProposalResult{part.id, results.empty() ? first : RejectReason::kGang});
  }
  h->Send(1, std::move(results));
}

// A cluster of `agents` agents of four cpus each.
std::vector<Change> Cluster(int agents) {
  std::vector<Change> books;
  for (int i = 1; i <= agents; ++i) {
    books.push_back(UpsertAgent{AnAgent(absl::StrCat("a", i), "cpus:4;mem:4096")});
  }
  return books;
}

TEST(Gangs, NothingIsProposedUntilAllBundlesFitAndThenAllAtOnce) {
  Harness h;
  std::vector<Change> books = Cluster(7);
  books.push_back(UpsertFramework{Batch("f1")});
  h.Start(books);

  h.Apply(UpsertGang{AGang("f1", "g", 8, "cpus:4;mem:1024")});
  h.Advance(absl::Minutes(2));
  EXPECT_THAT(h.TakeGangs(), IsEmpty());
  EXPECT_THAT(h.TakeProposals(), IsEmpty());

  h.Apply(UpsertAgent{AnAgent("a8", "cpus:4;mem:4096")});
  h.Advance(absl::Seconds(1));
  const std::vector<GangProposal> gangs = h.TakeGangs();
  ASSERT_THAT(gangs, SizeIs(1));
  EXPECT_THAT(gangs[0].parts, SizeIs(8));
  EXPECT_THAT(PartsOf(gangs[0]), ::testing::Each(HasSubstr("cpus:4;mem:1024")));
  h.Accept(gangs[0]);
  h.Advance(absl::Minutes(1));
  EXPECT_THAT(h.TakeGangs(), IsEmpty());
  EXPECT_TRUE(h.core.books()->gangs.empty());
}

TEST(Gangs, AGangThatHoldsIsCompletedByTheEventAlone) {
  Harness h;
  std::vector<Change> books = Cluster(2);
  books.push_back(UpsertFramework{Batch("f1")});
  books.push_back(UpsertFramework{Batch("other")});
  const HolderKey other{FrameworkId("other"), "*"};
  books.push_back(Allocate{other, AgentId("a2"), Text("cpus:2")});
  h.Start(books);
  h.Apply(UpsertGang{AGang("f1", "g", 2, "cpus:4")});
  h.Settle();
  EXPECT_THAT(h.TakeGangs(), IsEmpty());

  h.Apply(Recover{other, AgentId("a2"), Text("cpus:2"), absl::ZeroDuration()});
  h.Settle();

  EXPECT_THAT(h.TakeGangs(), SizeIs(1));
}

TEST(Gangs, BundlesShareAnAgentUnlessTheyMustNot) {
  Harness h;
  std::vector<Change> books = Cluster(2);
  books.push_back(UpsertFramework{Batch("f1")});
  h.Start(books);

  h.Apply(UpsertGang{AGang("f1", "g", 3, "cpus:2")});
  h.Settle();
  const std::vector<GangProposal> gangs = h.TakeGangs();
  ASSERT_THAT(gangs, SizeIs(1));
  EXPECT_THAT(PartsOf(gangs[0]), ElementsAre("a1 cpus:4", "a2 cpus:2"));
  Reject(&h, gangs[0], RejectReason::kNotFree);
  h.Apply(RemoveGang{gangs[0].gang});

  h.Apply(UpsertGang{Distinct(AGang("f1", "g3", 3, "cpus:1"))});
  h.Advance(absl::Minutes(1));
  EXPECT_THAT(h.TakeGangs(), IsEmpty());
  h.Apply(UpsertGang{Distinct(AGang("f1", "g2", 2, "cpus:1"))});
  h.Settle();
  const std::vector<GangProposal> distinct = h.TakeGangs();
  ASSERT_THAT(distinct, SizeIs(1));
  EXPECT_THAT(PartsOf(distinct[0]), ElementsAre("a1 cpus:1", "a2 cpus:1"));
}

TEST(Gangs, LargeBundlesArePlacedFirstAndPortsAreCounted) {
  Harness h;
  h.Start({UpsertAgent{AnAgent("a1", "cpus:1;ports:[1-5]")},
           UpsertAgent{AnAgent("a2", "cpus:4;ports:[1-5]")}, UpsertFramework{Batch("f1")}});
  GangState gang = AGang("f1", "g", 1, "cpus:1;ports:2");
  gang.bundles.push_back({Amounts("cpus:4;ports:1"), 1});

  h.Apply(UpsertGang{gang});
  h.Settle();

  const std::vector<GangProposal> gangs = h.TakeGangs();
  ASSERT_THAT(gangs, SizeIs(1));
  EXPECT_THAT(PartsOf(gangs[0]), ElementsAre("a1 cpus:1;ports:[1-2]", "a2 cpus:4;ports:[1-1]"));
}

TEST(Gangs, WhatIsReservedForTheRoleIsTakenFirstAndWhatIsReservedForOthersNever) {
  Harness h;
  h.Start({UpsertAgent{AnAgent("a1", "cpus:4;cpus(eng):2;cpus(ops):8")},
           UpsertFramework{Batch("f1", "eng")}});

  h.Apply(UpsertGang{AGang("f1", "g", 1, "cpus:7", "eng")});
  h.Settle();
  EXPECT_THAT(h.TakeGangs(), IsEmpty());
  h.Apply(UpsertGang{AGang("f1", "g", 1, "cpus:3", "eng")});
  h.Settle();

  const std::vector<GangProposal> gangs = h.TakeGangs();
  ASSERT_THAT(gangs, SizeIs(1));
  EXPECT_EQ(gangs[0].parts[0].resources, Text("cpus:1;cpus(eng):2"));
}

TEST(Gangs, LimitsHeadroomConstraintsAndRefusalsHold) {
  Harness h;
  std::vector<Change> books = Cluster(4);
  books.push_back(UpsertFramework{Batch("f1", "eng")});
  books.push_back(SetQuota{"eng", {{}, Limits("cpus:8")}});
  h.Start(books);
  h.Apply(UpsertGang{AGang("f1", "g", 3, "cpus:4", "eng")});
  h.Advance(absl::Minutes(1));
  EXPECT_THAT(h.TakeGangs(), IsEmpty()) << "the role's limit is below the gang";

  h.Apply(SetQuota{"eng", {}});
  h.Apply(SetQuota{"ops", {Amounts("cpus:8"), {}}});
  h.Advance(absl::Minutes(1));
  EXPECT_THAT(h.TakeGangs(), IsEmpty()) << "what is guaranteed to others stays free";

  h.Apply(SetQuota{"ops", {}});
  h.Advance(absl::Seconds(1));
  EXPECT_THAT(h.TakeGangs(), SizeIs(1));
}

TEST(Gangs, ARefusalKeepsAnAgentFromAGang) {
  Harness h;
  std::vector<Change> books = Cluster(2);
  books.push_back(UpsertFramework{AFramework("f1")});
  h.Start(books);
  for (const Proposal& proposal : h.TakeProposals()) {
    h.Accept(proposal);
    h.GiveBack(proposal, proposal.resources, absl::Seconds(100));
  }
  h.Apply(Suppress{FrameworkId("f1"), {}});

  h.Apply(UpsertGang{AGang("f1", "g", 2, "cpus:4")});
  h.Advance(absl::Seconds(90));
  EXPECT_THAT(h.TakeGangs(), IsEmpty());
  h.Advance(absl::Seconds(12));
  EXPECT_THAT(h.TakeGangs(), SizeIs(1));
}

// A busy cluster: whatever becomes free is wanted by another framework, piece by piece.
class BusyCluster : public ::testing::Test {
 protected:
  BusyCluster() {
    std::vector<Change> books = Cluster(4);
    books.push_back(UpsertFramework{AFramework("other")});
    books.push_back(UpsertFramework{Batch("f1")});
    h_.Start(books);
    for (const Proposal& proposal : h_.TakeProposals()) {
      h_.Accept(proposal);
      used_.push_back(proposal);
    }
  }
  void OneEnds() {
    h_.GiveBack(used_.back(), used_.back().resources);
    used_.pop_back();
    h_.Settle();
  }

  Harness h_;
  std::vector<Proposal> used_;
};

TEST_F(BusyCluster, WhatBecomesFreeIsSetAsideForTheGangThatHolds) {
  h_.Apply(UpsertGang{AGang("f1", "g", 3, "cpus:4;mem:4096")});
  h_.Settle();

  OneEnds();
  OneEnds();
  EXPECT_THAT(h_.TakeProposals(), IsEmpty());
  EXPECT_THAT(h_.TakeGangs(), IsEmpty());
  const auto explained = h_.Ask({FrameworkId("f1"), "*", {}, {}});
  ASSERT_TRUE(explained.ok());
  EXPECT_THAT(explained->notes, ElementsAre(HasSubstr("2 have a place that is set aside")));
  OneEnds();

  EXPECT_THAT(h_.TakeProposals(), IsEmpty());
  EXPECT_THAT(h_.TakeGangs(), SizeIs(1));
}

TEST_F(BusyCluster, NoLongerThanAllowedAndOnlyOnce) {
  h_.Apply(UpsertGang{AGang("f1", "g", 3, "cpus:4;mem:4096")});
  OneEnds();
  h_.Advance(absl::Seconds(29));
  EXPECT_THAT(h_.TakeProposals(), IsEmpty());

  h_.Advance(absl::Seconds(2));
  EXPECT_THAT(h_.TakeProposals(), SizeIs(1)) << "others get what was set aside";
  OneEnds();
  EXPECT_THAT(h_.TakeProposals(), SizeIs(1)) << "it does not hold a second time";
}

TEST_F(BusyCluster, OneGangHoldsAtATimeAndTheNextAfterIt) {
  h_.Apply(UpsertGang{AGang("f1", "first", 3, "cpus:4;mem:4096")});
  h_.Apply(UpsertGang{AGang("f1", "second", 2, "cpus:4;mem:4096")});
  OneEnds();
  OneEnds();
  EXPECT_THAT(h_.TakeGangs(), IsEmpty()) << "both agents are set aside for the first";

  h_.Apply(RemoveGang{{FrameworkId("f1"), "first"}});
  h_.Settle();

  const std::vector<GangProposal> gangs = h_.TakeGangs();
  ASSERT_THAT(gangs, SizeIs(1));
  EXPECT_EQ(gangs[0].gang.id, "second");
  EXPECT_THAT(h_.TakeProposals(), IsEmpty());
}

TEST_F(BusyCluster, AGangLargerThanTheClusterHoldsNothing) {
  h_.Apply(UpsertGang{AGang("f1", "g", 5, "cpus:4")});
  OneEnds();

  EXPECT_THAT(h_.TakeProposals(), SizeIs(1));
}

TEST_F(BusyCluster, WhatIsSetAsideIsGivenBackWithTheAgentTheFrameworkAndTheGang) {
  h_.Apply(UpsertGang{AGang("f1", "g", 3, "cpus:4;mem:4096")});
  OneEnds();
  OneEnds();

  h_.Apply(RemoveAgent{h_.core.books()->gangs.places().begin()->first});
  EXPECT_THAT(h_.core.books()->gangs.places(), SizeIs(1));
  h_.Apply(RemoveFramework{FrameworkId("f1")});
  h_.Settle();

  EXPECT_TRUE(h_.core.books()->gangs.empty());
  EXPECT_THAT(h_.TakeProposals(), SizeIs(1));
}

TEST(Gangs, ARejectedGangIsProposedAnewWithTheNextBatch) {
  Harness h;
  std::vector<Change> books = Cluster(3);
  books.push_back(UpsertFramework{Batch("f1")});
  h.Start(books);
  h.Apply(UpsertGang{AGang("f1", "g", 2, "cpus:4")});
  h.Settle();
  const std::vector<GangProposal> first = h.TakeGangs();
  ASSERT_THAT(first, SizeIs(1));

  // The agent of the first part was lost meanwhile.
  h.Apply(RemoveAgent{first[0].parts[0].agent});
  Reject(&h, first[0], RejectReason::kAgentNotActive);
  h.Settle();
  EXPECT_THAT(h.TakeGangs(), IsEmpty());
  h.Advance(absl::Seconds(1));

  const std::vector<GangProposal> second = h.TakeGangs();
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_THAT(PartsOf(second[0]), ElementsAre("a2 cpus:4", "a3 cpus:4"));
  EXPECT_EQ(h.core.stats().gangs_rejected, 1u);
}

TEST(Gangs, TheyComeBackWithASnapshot) {
  Harness h;
  std::vector<Change> books = Cluster(2);
  books.push_back(UpsertFramework{Batch("f1")});
  books.push_back(UpsertGang{AGang("f1", "g", 2, "cpus:4")});
  h.Start(books);

  EXPECT_THAT(h.TakeGangs(), SizeIs(1));
}

TEST(Gangs, AnUnknownOneIsAContradiction) {
  Harness h;
  h.Start({UpsertFramework{Batch("f1")}});

  h.Apply(RemoveGang{{FrameworkId("f1"), "g"}});

  EXPECT_THAT(h.TakeResets(), ElementsAre(HasSubstr("unknown gang g")));
}

// How many bundles of one kind fit on what nobody holds, written from the definition.
size_t Placeable(const ModelMaster& master, const GangState& gang) {
  size_t count = 0;
  for (Resources free : master.FreeForEveryone()) {
    const Resources bundle = Text(gang.bundles[0].amount.ToString());
    do {
      if (!free.Contains(bundle)) break;
      free -= bundle;
      ++count;
    } while (!gang.distinct_agents);
  }
  return count;
}

// Random histories with ordinary frameworks beside: the harness checks the books after every step,
// the master refuses what is not whole or not free. In the end, when all is quiet, no gang waits
// that the cluster has room for.
TEST(Gangs, RandomHistoriesKeepTheBooksAndLeaveNoGangWaitingForNothing) {
  size_t proposed = 0;
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    ModelMaster master({.reservations = false, .gangs = true, .reject_chance = 0.05}, seed);
    Rng rng(seed + 3000);
    Harness h(Options{.gang_hold_max = absl::Seconds(2)}, seed);
    h.Open();
    h.Snapshot({});
    const auto answer = [&] {
      std::vector<MasterMessage> answers;
      for (const GangProposal& gang : h.TakeGangs()) {
        ++proposed;
        master.Answer(gang, &answers);
      }
      for (const Proposal& proposal : h.TakeProposals()) master.Answer(proposal, &answers);
      for (MasterMessage& message : answers) {
        if (Delta* delta = std::get_if<Delta>(&message)) delta->version = ++h.version;
      }
      if (!answers.empty()) h.Send(1, std::move(answers));
    };
    for (int step = 0; step < 300; ++step) {
      h.Apply(master.RandomChange());
      if (rng.Chance(0.02)) {
        h.Snapshot(master.Objects(), h.version);
        (void)h.TakeGangs();
        (void)h.TakeProposals();
      }
      h.Advance(absl::Milliseconds(rng.Uniform(0, 300)));
      answer();
      ASSERT_THAT(h.TakeResets(), IsEmpty()) << "seed " << seed << " step " << step;
    }
    for (Change& change : master.QuietDown()) h.Apply(std::move(change));
    for (int i = 0; i < 60; ++i) {
      h.Advance(absl::Seconds(1));
      answer();
    }
    for (const GangState& gang : master.WaitingGangs()) {
      EXPECT_LT(Placeable(master, gang), gang.bundles[0].count)
          << "seed " << seed << " gang " << gang.key.id;
    }
  }
  EXPECT_GT(proposed, 50);
}

}  // namespace
}  // namespace meros::allocator
