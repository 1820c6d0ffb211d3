// Sessions, epochs, snapshots and contradictions: what the core makes of masters that are late,
// double, confused or silent.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/allocator/core/test_harness.h"

namespace meros::allocator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

absl::StatusCode CodeOf(const std::vector<CloseStream>& closed) {
  return closed.size() == 1 ? closed[0].status.code() : absl::StatusCode::kOk;
}

std::vector<Change> SmallBooks() {
  return {UpsertFramework{AFramework("f1")}, UpsertAgent{AnAgent("a1", "cpus:4;mem:4096")}};
}

TEST(Session, IsWelcomedAndGetsProposalsOnceTheSnapshotIsWhole) {
  Harness h;
  h.Open();
  EXPECT_THAT(h.TakeWelcomed(), ElementsAre(1));
  h.Send(1, {SnapshotBegin{7}, Delta{0, UpsertFramework{AFramework("f1")}},
             Delta{0, UpsertAgent{AnAgent("a1", "cpus:4;mem:4096")}}});
  h.Advance(absl::Seconds(5));
  EXPECT_THAT(h.TakeLines(), IsEmpty());

  h.Send(1, {SnapshotEnd{7}});
  h.Settle();

  const Proposal proposal = h.TakeProposal();
  EXPECT_EQ(Line(proposal), "f1@* a1 cpus:4;mem:4096");
  EXPECT_EQ(proposal.based_on_version, 7);
  EXPECT_GT(proposal.id, 0);
}

TEST(Session, MustBeginWithHello) {
  Harness h;
  h.Send(1, {SnapshotBegin{1}});
  EXPECT_EQ(CodeOf(h.TakeClosed()), absl::StatusCode::kInvalidArgument);
}

TEST(Session, HelloNeedsAnEpochAndAnId) {
  Harness h;
  h.Open(1, "m1", 0);
  EXPECT_EQ(CodeOf(h.TakeClosed()), absl::StatusCode::kInvalidArgument);
  h.Open(2, "", 3);
  EXPECT_EQ(CodeOf(h.TakeClosed()), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(h.TakeWelcomed(), IsEmpty());
}

TEST(Session, SaysHelloOnce) {
  Harness h;
  h.Start(SmallBooks());
  h.Send(1, {Hello{"m1", 1}});
  EXPECT_EQ(CodeOf(h.TakeClosed()), absl::StatusCode::kInvalidArgument);
}

TEST(Session, UnknownMessagesEndIt) {
  Harness h;
  h.Start(SmallBooks());
  h.Send(1, {UnknownMessage{"messages[0]: no body is set"}});
  EXPECT_EQ(CodeOf(h.TakeClosed()), absl::StatusCode::kInvalidArgument);
}

TEST(Session, RefusedStreamsAreIgnoredUntilTheyAreClosed) {
  Harness h;
  h.Send(1, {SnapshotBegin{1}, Hello{"m1", 1}});
  EXPECT_THAT(h.TakeClosed(), SizeIs(1));
  h.Send(1, {Hello{"m1", 1}});
  EXPECT_THAT(h.TakeClosed(), IsEmpty());
  EXPECT_THAT(h.TakeWelcomed(), IsEmpty());
}

TEST(Epoch, LowerIsRefusedAlsoAfterTheHigherOneLeft) {
  Harness h;
  h.Open(1, "m1", 5);
  h.Open(2, "m2", 4);
  EXPECT_EQ(CodeOf(h.TakeClosed()), absl::StatusCode::kFailedPrecondition);
  h.Step(StreamClosed{1});
  h.Open(3, "m2", 4);
  EXPECT_EQ(CodeOf(h.TakeClosed()), absl::StatusCode::kFailedPrecondition);
}

TEST(Epoch, HigherEndsThePresentSession) {
  Harness h;
  h.Start(SmallBooks());
  h.TakeProposals();
  h.TakeWelcomed();

  h.Open(2, "m2", 2);

  const std::vector<CloseStream> closed = h.TakeClosed();
  ASSERT_THAT(closed, SizeIs(1));
  EXPECT_EQ(closed[0].stream, 1);
  EXPECT_EQ(closed[0].status.code(), absl::StatusCode::kAborted);
  EXPECT_THAT(h.TakeWelcomed(), ElementsAre(2));
  h.Advance(absl::Seconds(2));
  EXPECT_THAT(h.TakeLines(), IsEmpty()) << "the old books are not the new master's";
}

TEST(Epoch, EqualOfAnotherMasterIsRefused) {
  Harness h;
  h.Open(1, "m1", 5);
  h.Open(2, "m2", 5);
  EXPECT_EQ(CodeOf(h.TakeClosed()), absl::StatusCode::kAlreadyExists);
}

TEST(Epoch, EqualOfTheSameMasterReplacesItsLostStream) {
  Harness h;
  h.Open(1, "m1", 5);
  h.Open(2, "m1", 5);
  const std::vector<CloseStream> closed = h.TakeClosed();
  ASSERT_THAT(closed, SizeIs(1));
  EXPECT_EQ(closed[0].stream, 1);
  h.Step(StreamClosed{1});
  EXPECT_EQ(h.core.phase(), Phase::kAwaiting);
}

TEST(Session, EndTakesTheBooksAlong) {
  Harness h;
  h.Start(SmallBooks());
  h.TakeProposals();
  h.Step(StreamClosed{1});
  EXPECT_EQ(h.core.phase(), Phase::kNoMaster);
  EXPECT_EQ(h.core.NextDeadline(), absl::InfiniteFuture());
}

TEST(Snapshot, IsAskedForAgainWhenItDoesNotCome) {
  Harness h;
  h.Open();
  h.Advance(absl::Seconds(25));
  EXPECT_THAT(h.TakeResets(), SizeIs(2));
}

TEST(Snapshot, MayComeUnaskedAndVoidsWhatWasKnown) {
  Harness h;
  h.Start(SmallBooks());
  const Proposal old = h.TakeProposal();

  h.Snapshot({UpsertFramework{AFramework("f2")}, UpsertAgent{AnAgent("a2", "cpus:1;mem:64")}}, 9);
  h.Reject(old, RejectReason::kAgentNotActive);
  h.Settle();

  EXPECT_THAT(h.TakeResets(), IsEmpty());
  EXPECT_THAT(h.TakeLines(), ElementsAre("f2@* a2 cpus:1;mem:64"));
}

TEST(Snapshot, MustEndAsItBegan) {
  Harness h;
  h.Open();
  h.Send(1, {SnapshotBegin{3}, SnapshotEnd{4}});
  EXPECT_THAT(h.TakeResets(), ElementsAre(HasSubstr("version 4")));
}

// Each of these contradicts the books and must cost a snapshot, never the process.
struct Contradiction {
  const char* name;
  std::vector<MasterMessage> messages;
};

class ContradictionTest : public ::testing::TestWithParam<Contradiction> {};

TEST_P(ContradictionTest, CostsASnapshot) {
  Harness h;
  h.Start(SmallBooks());
  const Proposal proposal = h.TakeProposal();
  ASSERT_EQ(proposal.id, 1);

  h.Send(1, GetParam().messages);

  EXPECT_THAT(h.TakeResets(), SizeIs(1));
  EXPECT_EQ(h.core.stats().mirror_resets, 1);
  EXPECT_EQ(h.core.phase(), Phase::kAwaiting);
  h.Snapshot(SmallBooks(), 50);
  h.Settle();
  EXPECT_THAT(h.TakeLines(), SizeIs(1)) << "tentative holdings are dropped with the mirror";
}

const Allocate kAllocation{{FrameworkId("f1"), "*"}, AgentId("a1"), Text("cpus:1"), 0};

INSTANTIATE_TEST_SUITE_P(
    All, ContradictionTest,
    ::testing::Values(
        Contradiction{"Gap", {Delta{3, Suppress{FrameworkId("f1"), {}}}}},
        Contradiction{"Repeat", {Delta{1, Suppress{FrameworkId("f1"), {}}}}},
        Contradiction{"VersionZero", {Delta{0, Suppress{FrameworkId("f1"), {}}}}},
        Contradiction{"UnknownFramework", {Delta{2, Revive{FrameworkId("f9"), {}}}}},
        Contradiction{"RemoveUnknownFramework", {Delta{2, RemoveFramework{FrameworkId("f9")}}}},
        Contradiction{"RemoveUnknownAgent", {Delta{2, RemoveAgent{AgentId("a9")}}}},
        Contradiction{
            "AllocateOnUnknownAgent",
            {Delta{2, Allocate{{FrameworkId("f1"), "*"}, AgentId("a9"), Text("cpus:1")}}}},
        Contradiction{
            "AllocateToUnknownFramework",
            {Delta{2, Allocate{{FrameworkId("f9"), "*"}, AgentId("a1"), Text("cpus:1")}}}},
        Contradiction{"RecoverWhatIsNotHeld",
                      {Delta{2, Recover{{FrameworkId("f1"), "*"}, AgentId("a1"), Text("cpus:1")}}}},
        Contradiction{"RecoverMoreThanHeld",
                      {Delta{2, kAllocation},
                       Delta{3, Recover{{FrameworkId("f1"), "*"}, AgentId("a1"), Text("cpus:2")}}}},
        Contradiction{"ResultOfUnknownProposal", {ProposalResult{99, RejectReason::kNone}}},
        Contradiction{
            "RepeatedResult",
            {ProposalResult{1, RejectReason::kNotFree}, ProposalResult{1, RejectReason::kNotFree}}},
        Contradiction{
            "AllocateBeforeResult",
            {Delta{2,
                   Allocate{{FrameworkId("f1"), "*"}, AgentId("a1"), Text("cpus:4;mem:4096"), 1}}}},
        Contradiction{
            "AllocateInAnotherRole",
            {ProposalResult{1, RejectReason::kNone},
             Delta{
                 2,
                 Allocate{{FrameworkId("f1"), "eng"}, AgentId("a1"), Text("cpus:4;mem:4096"), 1}}}},
        Contradiction{"WeightZero", {Delta{2, SetWeight{"eng", 0}}}},
        Contradiction{"WeightNaN", {Delta{2, SetWeight{"eng", 0.0 / 0.0}}}},
        Contradiction{"Unreadable", {UnreadableDelta{"messages[0].delta: NaN"}}},
        Contradiction{"EndWithoutBegin", {SnapshotEnd{1}}}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(Snapshot, RequestsAreSpacedWhenNoSnapshotFits) {
  Harness h;
  h.Open();
  h.Snapshot({RemoveAgent{AgentId("a9")}});
  size_t requests = 0;
  for (int i = 0; i < 10000; ++i) {
    for (const std::string& reason : h.TakeResets()) {
      EXPECT_THAT(reason, HasSubstr("unknown agent a9"));
      ++requests;
      h.Snapshot({RemoveAgent{AgentId("a9")}});  // a master that answers at once, and the same
    }
    h.Advance(absl::Milliseconds(10));
  }
  // 0, 0.1, 0.2, ... 6.4 s apart, then 10 s.
  EXPECT_GE(requests, 10);
  EXPECT_LE(requests, 20);
}

TEST(Proposals, UnansweredForTooLongCostASnapshot) {
  Harness h;
  h.Start(SmallBooks());
  EXPECT_THAT(h.TakeLines(), SizeIs(1));
  h.Advance(absl::Seconds(61));
  EXPECT_THAT(h.TakeResets(), ElementsAre(HasSubstr("proposal 1")));
}

TEST(Proposals, OfARemovedAgentStillGetTheirResults) {
  Harness h;
  h.Start(SmallBooks());
  const Proposal proposal = h.TakeProposal();
  h.Apply(RemoveAgent{AgentId("a1")});
  h.Reject(proposal, RejectReason::kAgentNotActive);
  EXPECT_THAT(h.TakeResets(), IsEmpty());
}

TEST(Proposals, OfARemovedFrameworkStillGetTheirResults) {
  Harness h;
  h.Start(SmallBooks());
  const Proposal proposal = h.TakeProposal();
  h.Apply(RemoveFramework{FrameworkId("f1")});
  h.Apply(UpsertFramework{AFramework("f2")});
  h.Settle();
  EXPECT_THAT(h.TakeLines(), IsEmpty());
  h.Reject(proposal, RejectReason::kFrameworkNotActive);
  h.Settle();
  EXPECT_THAT(h.TakeResets(), IsEmpty());
  EXPECT_THAT(h.TakeLines(), ElementsAre("f2@* a1 cpus:4;mem:4096"));
}

TEST(Proposals, WaitForResultsAboveTheBound) {
  Options options;
  options.proposals_waiting_max = 2;
  Harness h(options);
  std::vector<Change> books = {UpsertFramework{AFramework("f1")}};
  for (int i = 0; i < 5; ++i) {
    books.push_back(UpsertAgent{AnAgent(absl::StrCat("a", i), "cpus:1;mem:64")});
  }
  h.Start(books);
  std::vector<Proposal> proposals = h.TakeProposals();
  ASSERT_THAT(proposals, SizeIs(2));
  h.Advance(absl::Seconds(3));
  EXPECT_THAT(h.TakeLines(), IsEmpty());

  h.Accept(proposals[0]);
  h.Settle();

  EXPECT_THAT(h.TakeLines(), SizeIs(1)) << "without waiting for the batch";
}

}  // namespace
}  // namespace meros::allocator
