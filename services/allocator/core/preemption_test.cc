// Preemption: who is asked to give back what, and who is not.
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/allocator/core/test_harness.h"

namespace meros::allocator {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr absl::Duration kAWhile = absl::Seconds(4);  // preemption_delay, and a batch

// 4 agents of 4 cpus, all held by f1 in `victim`; `needy` is guaranteed 6 cpus and has a framework.
class PreemptionTest : public ::testing::Test {
 protected:
  std::vector<Change> Books(const std::string& victim = "low", const std::string& needy = "high") {
    std::vector<Change> books = {
        SetQuota{needy, {Amounts("cpus:6"), {}}}, ConfigureRole{victim, {.preemptible = true}},
        UpsertFramework{AFramework("f1", {victim})}, UpsertFramework{AFramework("f2", {needy})}};
    for (int i = 1; i <= 4; ++i) {
      const std::string id = absl::StrCat("a", i);
      books.push_back(UpsertAgent{AnAgent(id, "cpus:4;mem:64")});
      books.push_back(Allocate{{FrameworkId("f1"), victim}, AgentId(id), Text("cpus:4;mem:64"), 0});
    }
    return books;
  }

  Harness h_;
};

TEST_F(PreemptionTest, TakesWhatTheGuaranteeLacks) {
  h_.Start(Books());
  h_.Advance(absl::Seconds(1.5));
  EXPECT_THAT(h_.TakePreemptions(), IsEmpty()) << "not before the delay";
  h_.Advance(kAWhile);
  EXPECT_THAT(h_.TakePreemptions(),
              ElementsAre("f1@low a1 cpus:4 for high", "f1@low a2 cpus:2 for high"));
  h_.Advance(absl::Seconds(20));
  EXPECT_THAT(h_.TakePreemptions(), IsEmpty()) << "tasks have their grace";

  h_.Apply(Recover{{FrameworkId("f1"), "low"}, AgentId("a1"), Text("cpus:4;mem:64"), {}});
  h_.Settle();
  const Proposal offer = h_.TakeProposal();
  EXPECT_EQ(offer.role, "high");
  h_.Accept(offer);
  h_.Advance(absl::Seconds(20));
  EXPECT_THAT(h_.TakePreemptions(), ElementsAre("f1@low a2 cpus:2 for high"))
      << "what has not come is asked for again, and no more than that";
}

TEST_F(PreemptionTest, LeavesTheGuaranteeOfTheVictim) {
  std::vector<Change> books = Books("dev/low");
  books.push_back(SetQuota{"dev", {Amounts("cpus:13"), {}}});
  h_.Start(books);
  h_.Advance(kAWhile);
  EXPECT_THAT(h_.TakePreemptions(), ElementsAre("f1@dev/low a1 cpus:3 for high"));
}

TEST_F(PreemptionTest, NeverFromAHigherPriorityAndLowestFirst) {
  std::vector<Change> books = Books();
  books[1] = ConfigureRole{"low", {.priority = 1, .preemptible = true}};
  books.push_back(ConfigureRole{"lower", {.priority = -1, .preemptible = true}});
  books.push_back(UpsertFramework{AFramework("f3", {"lower"})});
  books.push_back(UpsertAgent{AnAgent("a5", "cpus:4")});
  books.push_back(Allocate{{FrameworkId("f3"), "lower"}, AgentId("a5"), Text("cpus:4"), 0});
  h_.Start(books);
  h_.Advance(kAWhile);
  EXPECT_THAT(h_.TakePreemptions(), ElementsAre("f3@lower a5 cpus:4 for high"));
}

TEST_F(PreemptionTest, OnlyFromThoseWhoAllowItAndOnlyForThoseWhoWant) {
  std::vector<Change> not_preemptible = Books();
  not_preemptible[1] = ConfigureRole{"low", {}};
  h_.Start(not_preemptible);
  h_.Advance(kAWhile);
  EXPECT_THAT(h_.TakePreemptions(), IsEmpty());

  Harness nobody;
  nobody.Start(Books());
  nobody.Apply(Suppress{FrameworkId("f2"), {}});
  nobody.Advance(kAWhile);
  EXPECT_THAT(nobody.TakePreemptions(), IsEmpty());
}

TEST_F(PreemptionTest, NotWhileSomethingIsFreeNorFromWithin) {
  std::vector<Change> books = Books();
  books.push_back(UpsertAgent{AnAgent("a5", "cpus:8")});
  h_.Start(books);
  h_.Accept(h_.TakeProposal());
  h_.Advance(kAWhile);
  EXPECT_THAT(h_.TakePreemptions(), IsEmpty());

  Harness within;
  std::vector<Change> inner = Books("org/low", "org");
  inner[0] = SetQuota{"org", {Amounts("cpus:20"), {}}};
  within.Start(inner);
  within.Advance(kAWhile);
  EXPECT_THAT(within.TakePreemptions(), IsEmpty());
}

}  // namespace
}  // namespace meros::allocator
