// Dominant resource fairness as published (Ghodsi et al., NSDI 2011): the worked example, and the
// properties of section 3, on the real core. Agents are grains that all have the shape of a task's
// demand or smaller, so that divisible fairness can be seen through whole offers: each framework
// declines what it cannot use and keeps exactly its tasks.
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "services/allocator/core/test_harness.h"

namespace meros::allocator {
namespace {

using resources::ResourceName;
using resources::Scalar;

struct User {
  std::string name;
  int64_t cpus, mem;  // of one task
  double weight = 1;
};

// Progressive filling: one agent that has everything is offered to one user at a time; the user
// runs one task if it fits and declines the rest, refusing for good when none fits.
std::map<std::string, int64_t> Fill(const std::vector<User>& users, int64_t cpus, int64_t mem) {
  Options options;
  options.filters_per_pair_max = 64;
  Harness h(options);
  std::vector<Change> books;
  for (const User& user : users) {
    books.push_back(SetWeight{user.name, user.weight});
    books.push_back(UpsertFramework{AFramework(user.name, {user.name})});
  }
  books.push_back(UpsertAgent{AnAgent("a", absl::StrCat("cpus:", cpus, ";mem:", mem))});
  h.Start(books);
  std::map<std::string, int64_t> tasks;
  for (const User& user : users) tasks[user.name] = 0;
  for (std::vector<Proposal> offers = h.TakeProposals(); !offers.empty();
       offers = h.TakeProposals()) {
    for (const Proposal& offer : offers) {
      h.Accept(offer);
      const User& user = *std::find_if(users.begin(), users.end(),
                                       [&](const User& u) { return u.name == offer.role; });
      const Resources task = Text(absl::StrCat("cpus:", user.cpus, ";mem:", user.mem));
      if (offer.resources.Contains(task)) {
        ++tasks[user.name];
        if (offer.resources != task) h.GiveBack(offer, offer.resources - task);
      } else {
        h.GiveBack(offer, offer.resources, absl::Hours(1));
      }
    }
    h.Settle();
  }
  return tasks;
}

TEST(Drf, TheExampleOfThePaper) {
  // 9 cpus and 18 GB; A's tasks need 1 cpu and 4 GB, B's 3 cpus and 1 GB: section 4.1.
  const auto tasks = Fill({{"A", 1, 4}, {"B", 3, 1}}, 9, 18);
  EXPECT_EQ(tasks.at("A"), 3);
  EXPECT_EQ(tasks.at("B"), 2);
}

TEST(Drf, WeightsDivideShares) {
  // Equal demands, weights 1 and 2: a third and two thirds.
  const auto tasks = Fill({{"A", 1, 1, 1}, {"B", 1, 1, 2}}, 30, 30);
  EXPECT_EQ(tasks.at("A"), 10);
  EXPECT_EQ(tasks.at("B"), 20);
}

class DrfProperty : public ::testing::TestWithParam<uint64_t> {
 protected:
  static constexpr int64_t kCpus = 120;
  static constexpr int64_t kMem = 240;

  void SetUp() override {
    Rng rng(GetParam());
    const int count = static_cast<int>(rng.Uniform(2, 4));
    for (int i = 0; i < count; ++i) {
      users_.push_back({absl::StrCat("u", i), static_cast<int64_t>(rng.Uniform(1, 6)),
                        static_cast<int64_t>(rng.Uniform(1, 12))});
    }
    tasks_ = Fill(users_, kCpus, kMem);
  }
  static int64_t Fitting(const User& user, int64_t cpus, int64_t mem) {
    return std::min(cpus / user.cpus, mem / user.mem);
  }

  std::vector<User> users_;
  std::map<std::string, int64_t> tasks_;
};

TEST_P(DrfProperty, SharingIncentive) {
  // At least as much as of an equal part of everything; whole tasks cost at most one.
  const auto count = static_cast<int64_t>(users_.size());
  for (const User& user : users_) {
    EXPECT_GE(tasks_.at(user.name) + 1, Fitting(user, kCpus / count, kMem / count)) << user.name;
  }
}

TEST_P(DrfProperty, EnvyFreeness) {
  // Nobody could run more than one task more with what another has, less what the other got from
  // leftovers that were too small for a task of the first.
  for (const User& user : users_) {
    for (const User& other : users_) {
      const int64_t leftovers =
          1 + std::max((user.cpus - 1) / other.cpus, (user.mem - 1) / other.mem);
      const int64_t of_other = std::max<int64_t>(0, tasks_.at(other.name) - leftovers);
      EXPECT_GE(tasks_.at(user.name) + 1,
                Fitting(user, of_other * other.cpus, of_other * other.mem))
          << user.name << " envies " << other.name;
    }
  }
}

TEST_P(DrfProperty, ParetoEfficiency) {
  int64_t cpus = kCpus;
  int64_t mem = kMem;
  for (const User& user : users_) {
    cpus -= tasks_.at(user.name) * user.cpus;
    mem -= tasks_.at(user.name) * user.mem;
  }
  for (const User& user : users_) {
    EXPECT_EQ(Fitting(user, cpus, mem), 0) << "another task of " << user.name << " fits";
  }
}

TEST_P(DrfProperty, StrategyProofnessOnSamples) {
  // Whoever says that its tasks are larger than they are runs no more of them.
  Rng rng(GetParam() + 500);
  for (size_t i = 0; i < users_.size(); ++i) {
    std::vector<User> lying = users_;
    lying[i].cpus += static_cast<int64_t>(rng.Uniform(0, 3));
    lying[i].mem += static_cast<int64_t>(rng.Uniform(0, 6));
    const int64_t claimed = Fill(lying, kCpus, kMem).at(lying[i].name);
    EXPECT_LE(claimed, tasks_.at(users_[i].name) + 1) << users_[i].name;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, DrfProperty, ::testing::Range<uint64_t>(1, 21));

// The headroom example: 100 cpus, 50 free; role a is guaranteed 40 and has 10.
TEST(Headroom, TheExampleOfTheSpecification) {
  std::vector<Change> books = {SetQuota{"a", {Amounts("cpus:40"), {}}},
                               UpsertFramework{AFramework("fa", {"a"})},
                               UpsertFramework{AFramework("fb", {"b"})}};
  for (int i = 0; i < 10; ++i) {
    books.push_back(UpsertAgent{AnAgent(absl::StrCat("n", i), "cpus:10")});
  }
  books.push_back(Allocate{{FrameworkId("fa"), "a"}, AgentId("n0"), Text("cpus:10"), 0});
  for (int i = 1; i < 5; ++i) {
    books.push_back(
        Allocate{{FrameworkId("fb"), "b"}, AgentId(absl::StrCat("n", i)), Text("cpus:10"), 0});
  }
  // Nobody in a wants offers, and the guarantee holds all the same.
  std::get<UpsertFramework>(books[1]).framework.suppressed_roles = {"a"};
  Harness h;
  h.Start(books);
  Scalar offered;
  for (const Proposal& proposal : h.TakeProposals()) {
    EXPECT_EQ(proposal.role, "b");
    offered += proposal.resources.GetScalar(ResourceName::Cpus());
  }
  EXPECT_EQ(offered, Scalar::FromUnits(20)) << "50 free less the 30 that the guarantee lacks";

  h.Apply(Revive{FrameworkId("fa"), {}});
  h.Settle();
  Scalar reclaimed;
  for (const Proposal& proposal : h.TakeProposals()) {
    EXPECT_EQ(proposal.role, "a");
    reclaimed += proposal.resources.GetScalar(ResourceName::Cpus());
  }
  EXPECT_EQ(reclaimed, Scalar::FromUnits(30));
}

}  // namespace
}  // namespace meros::allocator
