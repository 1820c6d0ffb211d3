// Limits and guarantees, on whole runs of the core: no limit is exceeded, what is guaranteed stays
// free, and guarantees are served first.
#include "services/allocator/core/quota_headroom.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/allocator/core/test_harness.h"

namespace meros::allocator {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Change AQuota(const std::string& role, absl::string_view guarantees,
              absl::string_view limits = "") {
  return SetQuota{role,
                  {guarantees.empty() ? ResourceQuantities() : Amounts(guarantees),
                   limits.empty() ? ResourceLimits() : Limits(limits)}};
}

int64_t CpusFor(const std::vector<Proposal>& proposals, const std::string& role) {
  int64_t millis = 0;
  for (const Proposal& proposal : proposals) {
    if (proposal.role == role) millis += proposal.resources.Cpus().millis();
  }
  return millis / 1000;
}

// Cluster of 100 cpus, role a is guaranteed 40 and has consumed 10, so 30 must stay free for it.
// With 50 free, role b may be offered 20.
std::vector<Change> HeadroomExample(bool a_wants) {
  std::vector<Change> books = {UpsertFramework{AFramework("fa", {"a"})},
                               UpsertFramework{AFramework("fb", {"b"})}, AQuota("a", "cpus:40")};
  FrameworkState& fa = std::get<UpsertFramework>(books[0]).framework;
  if (!a_wants) fa.suppressed_roles = {"a"};
  for (int i = 0; i < 10; ++i) {
    books.push_back(UpsertAgent{AnAgent(absl::StrCat("s", i), "cpus:10")});
  }
  books.push_back(Allocate{{FrameworkId("fa"), "a"}, AgentId("s0"), Text("cpus:10")});
  for (int i = 1; i < 5; ++i) {
    books.push_back(
        Allocate{{FrameworkId("fb"), "b"}, AgentId(absl::StrCat("s", i)), Text("cpus:10")});
  }
  return books;
}

TEST(Headroom, StaysFreeForWhoIsGuaranteedIt) {
  Harness h;
  h.Start(HeadroomExample(false));
  const std::vector<Proposal> proposals = h.TakeProposals();
  EXPECT_EQ(CpusFor(proposals, "b"), 20);
  EXPECT_EQ(CpusFor(proposals, "a"), 0);
}

TEST(Headroom, GuaranteesAreServedFirstAndTheRestIsShared) {
  Harness h;
  h.Start(HeadroomExample(true));
  const std::vector<Proposal> proposals = h.TakeProposals();
  EXPECT_GE(CpusFor(proposals, "a"), 30);
  EXPECT_EQ(CpusFor(proposals, "a") + CpusFor(proposals, "b"), 50);
}

TEST(Headroom, GivesWayWhenTheGuaranteeDoes) {
  Harness h;
  h.Start(HeadroomExample(false));
  h.TakeProposals();
  h.Apply(AQuota("a", ""));
  h.Settle();
  EXPECT_EQ(CpusFor(h.TakeProposals(), "b"), 30);
}

TEST(Headroom, NestedGuaranteesAreNotCountedTwice) {
  Harness h;
  std::vector<Change> books = {UpsertFramework{AFramework("f", {"b"})}, AQuota("a", "cpus:30"),
                               AQuota("a/x", "cpus:10"), AQuota("a/y", "cpus:10")};
  for (int i = 0; i < 10; ++i) {
    books.push_back(UpsertAgent{AnAgent(absl::StrCat("s", i), "cpus:10")});
  }
  h.Start(books);
  EXPECT_EQ(CpusFor(h.TakeProposals(), "b"), 70);
}

TEST(Headroom, ReservationsCountTowardsTheGuarantee) {
  Harness h;
  h.Start({UpsertFramework{AFramework("f", {"b"})}, AQuota("a", "cpus:10"),
           UpsertAgent{AnAgent("s1", "cpus(a):10;cpus:10")}});
  EXPECT_EQ(CpusFor(h.TakeProposals(), "b"), 10);
}

TEST(Limits, Row18AreNeverExceeded) {
  Harness h;
  h.Start({UpsertFramework{AFramework("f", {"a"})}, AQuota("a", "", "cpus:15"),
           UpsertAgent{AnAgent("s1", "cpus:10;mem:100")},
           UpsertAgent{AnAgent("s2", "cpus:10;mem:100")}});
  const std::vector<Proposal> proposals = h.TakeProposals();
  EXPECT_EQ(CpusFor(proposals, "a"), 15);
  for (const Proposal& proposal : proposals) {
    EXPECT_EQ(proposal.resources.Mem(), resources::Scalar::FromUnits(100)) << "not limited";
  }
}

TEST(Limits, Row18HoldForSubRolesToo) {
  Harness h;
  h.Start({UpsertFramework{AFramework("f1", {"a/x"})}, UpsertFramework{AFramework("f2", {"a/y"})},
           AQuota("a", "", "cpus:12"), AQuota("a/x", "", "cpus:4"),
           UpsertAgent{AnAgent("s1", "cpus:10")}, UpsertAgent{AnAgent("s2", "cpus:10")}});
  const std::vector<Proposal> proposals = h.TakeProposals();
  EXPECT_LE(CpusFor(proposals, "a/x"), 4);
  EXPECT_EQ(CpusFor(proposals, "a/x") + CpusFor(proposals, "a/y"), 12);
}

TEST(Limits, OfZeroForbid) {
  Quota nothing;
  nothing.limits.Set(resources::ResourceName::Cpus(), resources::Scalar());
  nothing.limits.Set(resources::ResourceName::Mem(), resources::Scalar());
  Harness h;
  h.Start({UpsertFramework{AFramework("f", {"a"})}, SetQuota{"a", nothing},
           UpsertAgent{AnAgent("s1", "cpus:10;mem:100")}});
  EXPECT_THAT(h.TakeLines(), IsEmpty());
}

TEST(Limits, WhatComesBackIsOfferedOnOtherAgentsAtOnce) {
  Harness h;
  h.Start({UpsertFramework{AFramework("f", {"a"})}, AQuota("a", "", "cpus:10"),
           UpsertAgent{AnAgent("s1", "cpus:10")}, UpsertAgent{AnAgent("s2", "cpus:10")}});
  const Proposal first = h.TakeProposal();
  h.Accept(first);
  h.GiveBack(first, first.resources, absl::Hours(1));
  h.Settle();
  const Proposal second = h.TakeProposal();
  EXPECT_NE(second.agent, first.agent);
}

TEST(Limits, ReservedResourcesAreOfferedRegardless) {
  Harness h;
  h.Start({UpsertFramework{AFramework("f", {"a"})}, AQuota("a", "", "cpus:5"),
           UpsertAgent{AnAgent("s1", "cpus(a):8;cpus:8")}});
  EXPECT_THAT(h.TakeLines(), ElementsAre("f@a s1 cpus(a):8"));
}

// Who is at a limit that leaves nothing worth offering is not asked again for each agent.
class AtTheLimit : public ::testing::Test {
 protected:
  static Options WithMinimum() {
    Options options;
    options.min_allocatable.any_of = {Amounts("cpus:0.01"), Amounts("mem:32")};
    return options;
  }

  AtTheLimit() : h_(WithMinimum()) {
    h_.Start({UpsertFramework{AFramework("f", {"a/x"})}, AQuota("a", "", "cpus:4;mem:1024"),
              UpsertAgent{AnAgent("s1", "cpus:4;mem:1024")},
              UpsertAgent{AnAgent("s2", "cpus:4;mem:1024")}});
    taken_ = h_.TakeProposal();
    h_.Accept(taken_);
    h_.Settle();
    // The agent that is left, and the next ones, are looked at.
    h_.Apply(UpsertAgent{AnAgent("s3", "cpus:4;mem:1024")});
    h_.Settle();
  }

  size_t parked() const { return h_.core.books()->mirror.roles().parked_count(); }

  Harness h_;
  Proposal taken_;
};

TEST_F(AtTheLimit, NobodyIsAsked) {
  EXPECT_EQ(parked(), 1);
  EXPECT_THAT(h_.TakeLines(), IsEmpty());
}

TEST_F(AtTheLimit, WhatComesBackIsOfferedAnywhere) {
  h_.GiveBack(taken_, taken_.resources, absl::Hours(1));
  h_.Settle();
  const Proposal next = h_.TakeProposal();
  EXPECT_NE(next.agent, taken_.agent);
  EXPECT_EQ(next.resources, taken_.resources);
}

TEST_F(AtTheLimit, AHigherLimitIsUsed) {
  h_.Apply(AQuota("a", "", "cpus:6;mem:2048"));
  h_.Settle();
  EXPECT_EQ(h_.TakeProposal().resources, Text("cpus:2;mem:1024"));
}

TEST_F(AtTheLimit, AnotherResourceMayBeWhatIsWorthOffering) {
  h_.Apply(UpsertAgent{AnAgent("s4", "cpus:4;mem:1024;gpus:1")});
  h_.Settle();
  EXPECT_THAT(h_.TakeLines(), IsEmpty());
  FrameworkState framework = AFramework("f", {"a/x"});
  framework.capabilities.gpu_resources = true;
  framework.min_allocatable["a/x"] = {{Amounts("gpus:1")}};
  h_.Apply(UpsertFramework{framework});
  h_.Settle();
  EXPECT_THAT(h_.TakeLines(), ElementsAre("f@a/x s4 gpus:1"));
}

TEST_F(AtTheLimit, WhatIsReservedForTheRoleIsOfferedAllTheSame) {
  h_.Apply(UpsertAgent{AnAgent("s4", "cpus:1;mem:32;cpus(a):1;mem(a):32")});
  h_.Settle();
  EXPECT_THAT(h_.TakeLines(), ElementsAre(::testing::HasSubstr("f@a/x s4 ")));
}

TEST_F(AtTheLimit, AFrameworkThatLeavesIsForgotten) {
  h_.Apply(RemoveFramework{FrameworkId("f")});
  EXPECT_EQ(parked(), 0);
}

}  // namespace
}  // namespace meros::allocator
