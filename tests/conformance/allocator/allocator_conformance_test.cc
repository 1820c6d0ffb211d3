// The contract of AllocatorService, over gRPC, against MEROS_ALLOCATOR_ADDRESS or meros-allocator.
// See README.md. Waiting for something has a deadline of 60 s; waiting for nothing takes 0.5 s.
#include <cstdlib>
#include <limits>
#include <map>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/testing/matchers.h"
#include "libs/testing/process.h"
#include "libs/testing/temp_dir.h"
#include "libs/wire/resources_proto.h"
#include "tests/conformance/allocator/conformance_fixture.h"

namespace meros::allocator_conformance {
namespace {

using ::meros::testing::StatusIs;
using ::testing::Not;

// --- Sessions and epochs
// --------------------------------------------------------------------------

TEST_F(AllocatorConformance, WelcomesAMasterFirst) {
  TestMaster master(*address_);
  master.Hello("m", NextEpoch());
  const auto welcome = master.WaitWelcome();
  ASSERT_TRUE(welcome.has_value());
  EXPECT_NE(welcome->instance_id(), "");
  EXPECT_NE(welcome->implementation(), "");
}

TEST_F(AllocatorConformance, WantsHelloFirst) {
  TestMaster master(*address_);
  master.Snapshot({}, 1);
  EXPECT_THAT(master.WaitClosed(), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(AllocatorConformance, EndsASessionWithAnEmptyMessage) {
  auto master = BeginSmall();
  master->Send(proto::MasterMessage());
  EXPECT_THAT(master->WaitClosed(), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(AllocatorConformance, RefusesAnEpochThatIsOver) {
  auto master = BeginSmall();
  TestMaster late(*address_);
  late.Hello("late", epoch_ - 1);
  EXPECT_THAT(late.WaitClosed(), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_TRUE(master->WaitProposal().has_value()) << "the present session goes on";
}

TEST_F(AllocatorConformance, GoesOverToAHigherEpoch) {
  auto old = BeginSmall();
  auto next = BeginSmall();
  EXPECT_THAT(old->WaitClosed(), StatusIs(absl::StatusCode::kAborted));
  EXPECT_TRUE(next->WaitProposal().has_value());
}

TEST_F(AllocatorConformance, RefusesASecondMasterOfTheSameEpoch) {
  auto master = BeginSmall();
  TestMaster other(*address_);
  other.Hello("another", epoch_);
  EXPECT_THAT(other.WaitClosed(), StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_TRUE(master->WaitProposal().has_value());
}

TEST_F(AllocatorConformance, TakesTheSameMasterAgainOnANewStream) {
  const uint64_t epoch = NextEpoch();
  TestMaster first(*address_);
  first.Hello("same", epoch);
  ASSERT_TRUE(first.WaitWelcome().has_value());
  TestMaster second(*address_);
  second.Hello("same", epoch);
  EXPECT_TRUE(second.WaitWelcome().has_value());
  EXPECT_THAT(first.WaitClosed(), Not(testing::IsOk()));
  second.Snapshot({Framework("f1"), Agent("a1", kTotal)}, 1);
  EXPECT_TRUE(second.WaitProposal().has_value());
}

TEST_F(AllocatorConformance, AMasterMayLeaveAndReturn) {
  const uint64_t epoch = NextEpoch();
  {
    TestMaster master(*address_);
    master.Hello("m", epoch);
    ASSERT_TRUE(master.WaitWelcome().has_value());
    master.Snapshot({Framework("f1"), Agent("a1", kTotal)}, 1);
  }
  TestMaster master(*address_);
  master.Hello("m", epoch);
  ASSERT_TRUE(master.WaitWelcome().has_value());
  master.Snapshot({Framework("f2"), Agent("a2", kTotal)}, 1);
  const auto proposal = master.WaitProposal();
  ASSERT_TRUE(proposal.has_value());
  EXPECT_EQ(proposal->agent_id(), "a2") << "of the new books";
}

// --- Proposals
// ------------------------------------------------------------------------------------

TEST_F(AllocatorConformance, ProposesOnlyOnAWholeSnapshot) {
  TestMaster master(*address_);
  master.Hello("m", NextEpoch());
  ASSERT_TRUE(master.WaitWelcome().has_value());
  proto::MasterMessage begin;
  begin.mutable_snapshot_begin()->set_version(5);
  master.Send(begin);
  master.SendDelta(Framework("f1"), 0);
  master.SendDelta(Agent("a1", kTotal), 0);
  EXPECT_FALSE(master.WaitProposal(kQuiet).has_value());
  proto::MasterMessage end;
  end.mutable_snapshot_end()->set_version(5);
  master.Send(end);
  const auto proposal = master.WaitProposal();
  ASSERT_TRUE(proposal.has_value());
  EXPECT_GT(proposal->proposal_id(), 0);
  EXPECT_EQ(proposal->based_on_version(), 5);
  EXPECT_EQ(proposal->framework_id(), "f1");
  EXPECT_EQ(proposal->role(), "*");
  EXPECT_EQ(proposal->agent_id(), "a1");
  EXPECT_TRUE(Text(kTotal).Contains(Read(*proposal)));
  EXPECT_FALSE(Read(*proposal).empty());
}

TEST_F(AllocatorConformance, ProposalsAreDisjointAndTheirIdsGrow) {
  std::vector<proto::Delta> books;
  for (int i = 0; i < 5; ++i) books.push_back(Framework(absl::StrCat("f", i)));
  for (int i = 0; i < 30; ++i) books.push_back(Agent(absl::StrCat("a", i), kTotal));
  auto master = Begin(books);
  std::map<std::string, resources::Resources> left;
  for (int i = 0; i < 30; ++i) left[absl::StrCat("a", i)] = Text(kTotal);
  uint64_t last = 0;
  size_t proposals = 0;
  for (auto next = master->WaitProposal(); next; next = master->WaitProposal(kQuiet)) {
    EXPECT_GT(next->proposal_id(), last);
    last = next->proposal_id();
    ASSERT_TRUE(left.count(next->agent_id())) << next->agent_id();
    resources::Resources& free = left[next->agent_id()];
    EXPECT_TRUE(free.Contains(Read(*next))) << next->agent_id() << " " << free.DebugString();
    free -= Read(*next);
    ++proposals;
  }
  EXPECT_GT(proposals, 0);
}

TEST_F(AllocatorConformance, WhatIsHeldIsNotProposed) {
  auto master = Begin(
      {Framework("f1"), Agent("a1", kTotal), Allocate("f1", "*", "a1", Text("cpus:3;mem:1024"))});
  const auto proposal = master->WaitProposal();
  ASSERT_TRUE(proposal.has_value());
  EXPECT_TRUE(Text("cpus:1;mem:3072").Contains(Read(*proposal)));
}

TEST_F(AllocatorConformance, AcceptedIsHeldUntilRecovered) {
  auto master = BeginSmall();
  const auto first = master->WaitProposal();
  ASSERT_TRUE(first.has_value());
  master->Accept(*first);
  if (Read(*first) == Text(kTotal)) {
    EXPECT_FALSE(master->WaitProposal(kQuiet).has_value());
  }
  master->Apply(Recover("f1", "*", "a1", Text("cpus:1;mem:64")));
  const auto second = master->WaitProposal();
  ASSERT_TRUE(second.has_value());
  EXPECT_GE(second->based_on_version(), 10);
  EXPECT_LE(second->based_on_version(), master->version());
}

TEST_F(AllocatorConformance, RejectedIsFreeAgain) {
  auto master = BeginSmall();
  const auto first = master->WaitProposal();
  ASSERT_TRUE(first.has_value());
  for (const auto reason : {proto::REJECT_REASON_NOT_FREE, proto::REJECT_REASON_AGENT_NOT_ACTIVE,
                            proto::REJECT_REASON_FRAMEWORK_NOT_ACTIVE,
                            proto::REJECT_REASON_TOO_MANY_OFFERS, proto::REJECT_REASON_INVALID}) {
    const auto rejected = reason == proto::REJECT_REASON_NOT_FREE ? first : master->WaitProposal();
    ASSERT_TRUE(rejected.has_value()) << proto::RejectReason_Name(reason);
    master->Reject(*rejected, reason);
  }
  EXPECT_TRUE(master->WaitProposal().has_value());
}

TEST_F(AllocatorConformance, ARejectingMasterIsNotFlooded) {
  auto master = BeginSmall();
  int proposals = 0;
  const absl::Time end = testing::PollNow() + absl::Seconds(1);
  while (testing::PollNow() < end) {
    const auto proposal = master->WaitProposal(absl::Milliseconds(100));
    if (!proposal.has_value()) continue;
    ++proposals;
    master->Reject(*proposal, proto::REJECT_REASON_TOO_MANY_OFFERS);
  }
  EXPECT_LE(proposals, 100);
}

TEST_F(AllocatorConformance, ProposesToThoseWhoWantOffersOnly) {
  proto::Delta away = Framework("away");
  away.mutable_upsert_framework()->set_active(false);
  proto::Delta draining = Agent("draining", kTotal);
  draining.mutable_upsert_agent()->set_active(false);
  proto::Delta quiet = Framework("quiet");
  quiet.mutable_upsert_framework()->add_suppressed_roles("*");
  auto master = Begin({away, quiet, draining, Agent("a1", kTotal)});
  EXPECT_FALSE(master->WaitProposal(kQuiet).has_value());
  master->Apply(Revive("quiet"));
  const auto proposal = master->WaitProposal();
  ASSERT_TRUE(proposal.has_value());
  EXPECT_EQ(proposal->framework_id(), "quiet");
  EXPECT_EQ(proposal->agent_id(), "a1");
}

TEST_F(AllocatorConformance, SuppressedFrameworksAreLeftAlone) {
  auto master = Begin({Framework("f1")});
  master->Apply(Suppress("f1"));
  master->Apply(Agent("a1", kTotal));
  EXPECT_FALSE(master->WaitProposal(kQuiet).has_value());
}

TEST_F(AllocatorConformance, RefusedResourcesGoToOthers) {
  auto master = BeginSmall();
  const auto first = master->WaitProposal();
  ASSERT_TRUE(first.has_value());
  master->Accept(*first);
  master->Apply(Recover("f1", "*", "a1", Read(*first), absl::Hours(1)));
  EXPECT_FALSE(master->WaitProposal(kQuiet).has_value());
  master->Apply(Framework("f2"));
  const auto second = master->WaitProposal();
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->framework_id(), "f2");
}

TEST_F(AllocatorConformance, ReservedResourcesGoToTheirRole) {
  auto master = Begin({Framework("f1", {"ads"}), Framework("f2", {"eng"}),
                       Agent("a1", "cpus(eng):2;mem(eng):512")});
  const auto proposal = master->WaitProposal();
  ASSERT_TRUE(proposal.has_value());
  EXPECT_EQ(proposal->framework_id(), "f2");
}

TEST_F(AllocatorConformance, RespectsLimits) {
  proto::Delta quota;
  quota.mutable_quota()->set_role("eng");
  (*quota.mutable_quota()->mutable_limits()->mutable_milli())["cpus"] = 3000;
  auto master = Begin({quota, Framework("f1", {"eng"}), Agent("a1", kTotal), Agent("a2", kTotal)});
  resources::Scalar cpus;
  for (auto next = master->WaitProposal(); next; next = master->WaitProposal(kQuiet)) {
    cpus += Read(*next).Cpus();
    master->Accept(*next);
  }
  EXPECT_LE(cpus, resources::Scalar::FromUnits(3));
}

// --- What does not fit
// ----------------------------------------------------------------------------

TEST_F(AllocatorConformance, AGapCostsASnapshot) {
  auto master = BeginSmall();
  master->SendDelta(Agent("a2", kTotal), 12);
  ExpectRecovery(master.get());
}

TEST_F(AllocatorConformance, ARepeatedDeltaCostsASnapshot) {
  auto master = BeginSmall();
  master->Apply(Agent("a2", kTotal));
  master->SendDelta(Agent("a2", kTotal), 11);
  ExpectRecovery(master.get());
}

TEST_F(AllocatorConformance, AStaleDeltaCostsASnapshot) {
  auto master = BeginSmall();
  master->SendDelta(Agent("a2", kTotal), 3);
  ExpectRecovery(master.get());
}

TEST_F(AllocatorConformance, UnknownIdsCostASnapshot) {
  for (const proto::Delta& delta :
       {Revive("nobody"), Suppress("nobody"), Allocate("f1", "*", "nowhere", Text("cpus:1")),
        Allocate("nobody", "*", "a1", Text("cpus:1")),
        Recover("f1", "*", "nowhere", Text("cpus:1"))}) {
    auto master = BeginSmall();
    master->Apply(delta);
    ExpectRecovery(master.get());
  }
}

TEST_F(AllocatorConformance, MoreRecoveredThanHeldCostsASnapshot) {
  auto master = BeginSmall();
  master->Apply(Recover("f1", "*", "a1", Text("cpus:1")));
  ExpectRecovery(master.get());
}

TEST_F(AllocatorConformance, AResultForNoProposalCostsASnapshot) {
  auto master = BeginSmall();
  proto::Proposal never;
  never.set_proposal_id(std::numeric_limits<uint64_t>::max());
  master->Reject(never, proto::REJECT_REASON_NOT_FREE);
  ExpectRecovery(master.get());
}

TEST_F(AllocatorConformance, NonsenseCostsASnapshot) {
  proto::Delta nan = Agent("a2", kTotal);
  nan.mutable_upsert_agent()->mutable_total(0)->mutable_scalar()->set_value(
      std::numeric_limits<double>::quiet_NaN());
  proto::Delta negative = Agent("a2", kTotal);
  negative.mutable_upsert_agent()->mutable_total(0)->mutable_scalar()->set_value(-1);
  proto::Delta bad_id = Agent("../a", kTotal);
  proto::Delta weight;
  weight.mutable_weight()->set_role("eng");
  weight.mutable_weight()->set_weight(-1);
  proto::Delta bad_role;
  bad_role.mutable_quota()->set_role("a//b");
  for (const proto::Delta& delta : {nan, negative, bad_id, weight, bad_role, proto::Delta()}) {
    auto master = BeginSmall();
    master->Apply(delta);
    ExpectRecovery(master.get());
  }
}

TEST_F(AllocatorConformance, ASnapshotThatIsNotWhatItSaidIsAskedForAgain) {
  TestMaster master(*address_);
  master.Hello("m", NextEpoch());
  ASSERT_TRUE(master.WaitWelcome().has_value());
  proto::MasterMessage begin;
  begin.mutable_snapshot_begin()->set_version(5);
  master.Send(begin);
  proto::MasterMessage end;
  end.mutable_snapshot_end()->set_version(6);
  master.Send(end);
  ExpectRecovery(&master);
}

// --- Crashes
// --------------------------------------------------------------------------------------

TEST_F(AllocatorConformance, AfterAKillASnapshotRestoresEverything) {
  if (process_ == nullptr) {
    GTEST_SKIP() << "only an allocator that this suite started can be killed by it";
  }
  auto master = Begin({Framework("f1"), Framework("f2"), Agent("a1", kTotal), Agent("a2", kTotal)});
  const std::string instance = master->WaitWelcome()->instance_id();
  const auto taken = master->WaitProposal();
  ASSERT_TRUE(taken.has_value());
  master->Accept(*taken);

  process_->Kill();
  EXPECT_THAT(master->WaitClosed(), Not(testing::IsOk()));
  StartOurs();

  auto again = Begin({Framework("f1"), Framework("f2"), Agent("a1", kTotal), Agent("a2", kTotal),
                      Allocate(taken->framework_id(), "*", taken->agent_id(), Read(*taken))});
  EXPECT_NE(again->WaitWelcome()->instance_id(), instance);
  std::map<std::string, resources::Resources> left = {{"a1", Text(kTotal)}, {"a2", Text(kTotal)}};
  left[taken->agent_id()] -= Read(*taken);
  size_t proposals = 0;
  for (auto next = again->WaitProposal(); next; next = again->WaitProposal(kQuiet)) {
    EXPECT_TRUE(left[next->agent_id()].Contains(Read(*next))) << "counted twice";
    left[next->agent_id()] -= Read(*next);
    ++proposals;
  }
  EXPECT_GT(proposals, 0);
}

// --- Policy
// ---------------------------------------------------------------------------------------

TEST_F(AllocatorConformance, KeepsToTheWhitelist) {
  auto master = Begin({Framework("f1"), Agent("a1", kTotal), Agent("a2", kTotal)});
  proto::Delta delta;
  delta.mutable_whitelist()->set_enabled(true);
  delta.mutable_whitelist()->add_hostnames("a3");
  for (int i = 0; i < 2; ++i) {
    const auto proposal = master->WaitProposal();
    ASSERT_TRUE(proposal.has_value());
    if (i == 0) master->Apply(delta);
    master->Reject(*proposal, proto::REJECT_REASON_NOT_FREE);
  }
  master->Apply(Agent("a3", kTotal));
  const auto listed = master->WaitProposal();
  ASSERT_TRUE(listed.has_value());
  EXPECT_EQ(listed->agent_id(), "a3");
  EXPECT_FALSE(master->WaitProposal(kQuiet).has_value());
}

TEST_F(AllocatorConformance, ExplainsWhatIsTooLarge) {
  auto master = BeginSmall();
  ASSERT_TRUE(master->WaitProposal().has_value());
  proto::ExplainRequest request;
  request.set_framework_id("f1");
  (*request.mutable_wanted()->mutable_milli())["cpus"] = 64'000;
  const auto why = master->Explain(request);
  ASSERT_THAT(why.status(), testing::IsOk());
  EXPECT_EQ(why->agents(), 1);
  EXPECT_EQ(why->nearest_stage(), proto::STAGE_TOO_SMALL);
  EXPECT_EQ(why->nearest().agent_id(), "a1");
  EXPECT_EQ(why->nearest().lacking().milli().at("cpus"), 60'000);
  request.set_framework_id("f2");
  EXPECT_THAT(master->Explain(request).status(), StatusIs(absl::StatusCode::kNotFound));
  request.set_framework_id("../f");
  EXPECT_THAT(master->Explain(request).status(), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace meros::allocator_conformance
