// Properties on random histories: what events cause is all that a run over all agents would find;
// books are conserved under delay, rejection, lost and repeated deltas; equal seeds and books give
// equal proposals; and who is offered what agrees with an allocator written from the definition.
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/resources/roles.h"
#include "services/allocator/core/model_master.h"

namespace meros::allocator {
namespace {

void Number(std::vector<MasterMessage>* messages, uint64_t* version) {
  for (MasterMessage& message : *messages) {
    if (Delta* delta = std::get_if<Delta>(&message)) delta->version = ++*version;
  }
}

// A master that answers at once. Returns how many proposals there were.
size_t AnswerAll(Harness* h, ModelMaster* master) {
  std::vector<MasterMessage> answers;
  const std::vector<Proposal> proposals = h->TakeProposals();
  for (const Proposal& proposal : proposals) master->Answer(proposal, &answers);
  Number(&answers, &h->version);
  if (!answers.empty()) h->Send(1, std::move(answers));
  return proposals.size();
}

// What is worth offering, as the service has it by default. Without, nobody is ever parked.
Options UsualOptions() {
  Options options;
  options.min_allocatable.any_of = {Amounts("cpus:0.01"), Amounts("mem:32")};
  return options;
}

// Event-driven runs alone must find everything: whenever no event is due, a batch finds nothing.
// Adds to `parked` in how many steps somebody was.
void ExpectBatchesFindNothing(const ModelOptions& options, uint64_t seed, size_t* parked) {
  ModelMaster master(options, seed);
  Rng rng(seed + 1000);
  Options core_options = UsualOptions();
  core_options.sweep_interval = core_options.allocation_interval;  // every batch sees every agent
  Harness h(core_options, seed);
  h.Open();
  h.Snapshot({});
  size_t proposals = 0;
  for (int step = 0; step < 300; ++step) {
    h.Apply(master.RandomChange());
    const absl::Time until = h.now + absl::Milliseconds(rng.Uniform(0, 300));
    while (h.core.NextDeadline() <= until) {
      h.now = std::max(h.now, h.core.NextDeadline());
      const uint64_t batches = h.core.stats().batch_runs;
      h.Step(runtime::Tick{});
      const size_t found = AnswerAll(&h, &master);
      proposals += found;
      if (h.core.stats().batch_runs > batches) {
        ASSERT_EQ(found, 0) << "a batch found what events had missed; seed " << seed << " step "
                            << step;
      }
    }
    h.now = until;
    *parked += h.core.books()->mirror.roles().parked_count() > 0 ? 1 : 0;
    ASSERT_THAT(h.TakeResets(), ::testing::IsEmpty()) << "seed " << seed << " step " << step;
  }
  EXPECT_GT(proposals, 20) << "seed " << seed;
}

TEST(Property, EventsFindAllThatAFullRunFinds) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    size_t parked = 0;
    ExpectBatchesFindNothing({}, seed, &parked);
    if (::testing::Test::HasFatalFailure()) return;
    EXPECT_EQ(parked, 0) << "without quota";
  }
}

TEST(Property, EventsFindAllThatAFullRunFindsAlsoUnderQuota) {
  size_t parked = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    ExpectBatchesFindNothing({.quotas = true}, seed, &parked);
    if (::testing::Test::HasFatalFailure()) return;
  }
  EXPECT_GT(parked, 0);
}

TEST(Property, EventsFindAllThatAFullRunFindsAlsoWithSettingsOfRoles) {
  size_t parked = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    ExpectBatchesFindNothing(
        {.roles = {"*", "a", "a/b", "a/b/c/d", "c"}, .quotas = true, .settings = true}, seed,
        &parked);
    if (::testing::Test::HasFatalFailure()) return;
  }
  EXPECT_GT(parked, 0);
}

// Messages travel for a while in both directions, a tenth of the proposals is rejected for no
// reason, and deltas are lost or repeated. The harness checks the invariants after every step; in
// the end the mirror agrees with the master again and everything that is free and wanted is
// offered.
TEST(Property, BooksAreConservedUnderDelayRejectionAndFaults) {
  size_t resets = 0;
  size_t rejected = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    ModelMaster master({.quotas = true, .settings = true, .reject_chance = 0.1}, seed);
    Rng rng(seed + 2000);
    Harness h(UsualOptions(), seed);
    h.Open();
    h.Snapshot({});
    std::deque<std::vector<MasterMessage>> on_the_way;
    std::deque<std::variant<Proposal, std::string>> to_master;
    const auto collect = [&] {
      for (Proposal& proposal : h.TakeProposals()) to_master.emplace_back(std::move(proposal));
      for (std::string& reason : h.TakeResets()) to_master.emplace_back(std::move(reason));
    };
    const auto master_reads_one = [&] {
      std::vector<MasterMessage> frame;
      if (const auto* proposal = std::get_if<Proposal>(&to_master.front())) {
        master.Answer(*proposal, &frame);
        Number(&frame, &h.version);
      } else {
        ++resets;
        frame.push_back(SnapshotBegin{h.version});
        for (Change& object : master.Objects()) frame.push_back(Delta{0, std::move(object)});
        frame.push_back(SnapshotEnd{h.version});
      }
      to_master.pop_front();
      on_the_way.push_back(std::move(frame));
    };
    for (int step = 0; step < 400; ++step) {
      switch (rng.Uniform(0, 3)) {
        case 0: {
          std::vector<MasterMessage> frame = {Delta{0, master.RandomChange()}};
          Number(&frame, &h.version);
          if (rng.Chance(0.02)) break;  // lost
          if (rng.Chance(0.02)) on_the_way.push_back(frame);
          on_the_way.push_back(std::move(frame));
          break;
        }
        case 1:
          if (!to_master.empty()) master_reads_one();
          break;
        case 2:
          if (on_the_way.empty()) break;
          h.Send(1, std::move(on_the_way.front()));
          on_the_way.pop_front();
          break;
        default:
          h.Advance(absl::Milliseconds(rng.Uniform(0, 50)));
      }
      collect();
    }
    // Everything arrives, then a quiet while.
    for (int round = 0; round < 200; ++round) {
      while (!to_master.empty()) master_reads_one();
      while (!on_the_way.empty()) {
        h.Send(1, std::move(on_the_way.front()));
        on_the_way.pop_front();
      }
      collect();
      if (to_master.empty()) h.Advance(absl::Milliseconds(100));
      collect();
    }
    rejected += master.rejected();
    ASSERT_EQ(h.core.phase(), Phase::kReady) << "seed " << seed;
    ASSERT_EQ(h.core.version(), h.version) << "seed " << seed;
  }
  EXPECT_GT(resets, 10);
  EXPECT_GT(rejected, 10);
}

TEST(Property, EqualSeedsAndBooksGiveEqualProposals) {
  ModelMaster master({.quotas = true}, 5);
  Harness grown;
  grown.Open();
  grown.Snapshot({});
  for (int i = 0; i < 200; ++i) {
    grown.Apply(master.RandomChange());
    grown.Settle();
    AnswerAll(&grown, &master);
  }
  std::vector<Change> books = master.Objects();
  // Every second holding, so that there is something to offer.
  size_t holdings = 0;
  std::erase_if(books, [&](const Change& change) {
    return std::holds_alternative<Allocate>(change) && ++holdings % 2 == 0;
  });
  ASSERT_GT(holdings, 2);
  std::vector<Change> shuffled = books;
  // Frameworks and agents in another order; holdings still come last.
  std::stable_partition(shuffled.begin(), shuffled.end(), [](const Change& change) {
    return std::holds_alternative<UpsertAgent>(change);
  });
  const auto propose = [](const std::vector<Change>& objects, uint64_t seed) {
    Harness h(Options(), seed);
    h.Start(objects);
    std::vector<std::string> lines;
    for (const Proposal& proposal : h.TakeProposals()) lines.push_back(Line(proposal));
    return lines;
  };
  const std::vector<std::string> first = propose(books, 7);
  EXPECT_FALSE(first.empty());
  EXPECT_EQ(first, propose(books, 7));
  EXPECT_EQ(first, propose(shuffled, 7));
}

// --- The definition, without indexes: for an agent, the client with the best standing among those
// that may have anything of it.
class NaiveAllocator {
 public:
  NaiveAllocator(std::vector<FrameworkState> frameworks, std::vector<AgentState> agents)
      : frameworks_(std::move(frameworks)) {
    for (const AgentState& agent : agents) {
      totals_ += agent.total.ScalarQuantities();
      free_[agent.id.value()] = agent.total;
    }
  }

  // Checks one proposal against the definition and takes it over.
  void Expect(const Proposal& proposal) {
    const Resources& free = free_.at(proposal.agent.value());
    const Client* best = nullptr;
    std::vector<Client> clients = Clients();
    for (const Client& client : clients) {
      if (free.AllocatableTo(client.role).empty()) continue;
      if (best == nullptr || IsBefore(client, *best)) best = &client;
    }
    ASSERT_NE(best, nullptr);
    EXPECT_EQ(absl::StrCat(best->framework, "@", best->role),
              absl::StrCat(proposal.framework.value(), "@", proposal.role));
    EXPECT_EQ(proposal.resources, free.AllocatableTo(proposal.role));
    charged_[{proposal.role, proposal.framework.value()}] += proposal.resources.ScalarQuantities();
    ++grants_[{proposal.role, proposal.framework.value()}];
    free_.at(proposal.agent.value()) -= proposal.resources;
  }

  bool IsExhausted() const {
    for (const auto& [id, free] : free_) {
      for (const Client& client : Clients()) {
        if (!free.AllocatableTo(client.role).empty()) return false;
      }
    }
    return true;
  }

 private:
  using Key = std::pair<std::string, std::string>;  // role, framework
  struct Client {
    std::string role, framework;
  };

  std::vector<Client> Clients() const {
    std::vector<Client> clients;
    for (const FrameworkState& framework : frameworks_) {
      for (const std::string& role : framework.roles)
        clients.push_back({role, framework.id.value()});
    }
    return clients;
  }
  // Share and grants of everyone in `role`, or below it too.
  std::pair<double, uint64_t> Standing(const std::string& role, bool own_only) const {
    ResourceQuantities sum;
    uint64_t grants = 0;
    for (const auto& [key, charged] : charged_) {
      if (key.first != role && (own_only || !resources::IsAncestorRole(role, key.first))) continue;
      sum += charged;
      grants += grants_.at(key);
    }
    return {DominantShare(sum, totals_), grants};
  }
  // The path from the root as standings: what siblings are compared by.
  std::vector<std::tuple<double, uint64_t, std::string>> Path(const Client& client) const {
    std::vector<std::tuple<double, uint64_t, std::string>> path;
    const auto add = [&](std::pair<double, uint64_t> standing, const std::string& name) {
      path.emplace_back(standing.first, standing.second, name);
    };
    for (const auto ancestor : resources::AncestorRoles(client.role)) {
      add(Standing(std::string(ancestor), false), std::string(ancestor));
    }
    add(Standing(client.role, false), client.role);
    add(Standing(client.role, true), absl::StrCat(client.role, "/."));
    const Key key{client.role, client.framework};
    const auto charged = charged_.find(key);
    if (charged == charged_.end()) {
      add({0, 0}, client.framework);
    } else {
      add({DominantShare(charged->second, totals_), grants_.at(key)}, client.framework);
    }
    return path;
  }
  bool IsBefore(const Client& a, const Client& b) const { return Path(a) < Path(b); }

  const std::vector<FrameworkState> frameworks_;
  ResourceQuantities totals_;
  std::map<std::string, Resources> free_;
  std::map<Key, ResourceQuantities> charged_;
  std::map<Key, uint64_t> grants_;
};

TEST(Property, AgreesWithTheDefinitionOnSmallClusters) {
  const std::vector<std::string> roles = {"*", "a", "a/b", "a/c", "d/e"};
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    Rng rng(seed);
    std::vector<FrameworkState> frameworks;
    std::vector<AgentState> agents;
    for (uint64_t i = 0; i < rng.Uniform(1, 6); ++i) {
      FrameworkState framework = AFramework(absl::StrCat("f", i), {});
      for (const std::string& role : roles) {
        if (rng.Chance(0.4)) framework.roles.insert(role);
      }
      framework.roles.insert(roles[rng.Uniform(0, roles.size() - 1)]);
      frameworks.push_back(std::move(framework));
    }
    for (uint64_t i = 0; i < rng.Uniform(1, 12); ++i) {
      std::string total = absl::StrCat("cpus:", rng.Uniform(1, 8), ";mem:", rng.Uniform(1, 64));
      if (rng.Chance(0.4)) absl::StrAppend(&total, ";cpus(a):", rng.Uniform(1, 4));
      if (rng.Chance(0.2)) absl::StrAppend(&total, ";mem(d):", rng.Uniform(1, 4));
      agents.push_back(AnAgent(absl::StrCat("a", i), total));
    }
    std::vector<Change> books;
    for (const FrameworkState& framework : frameworks) books.push_back(UpsertFramework{framework});
    for (const AgentState& agent : agents) books.push_back(UpsertAgent{agent});
    Harness h(Options(), seed);
    h.Start(books);

    NaiveAllocator naive(frameworks, agents);
    for (const Proposal& proposal : h.TakeProposals()) {
      naive.Expect(proposal);
      ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed << ": " << Line(proposal);
    }
    EXPECT_TRUE(naive.IsExhausted()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace meros::allocator
