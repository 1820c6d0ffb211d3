// The order of fairness: shares, weights, siblings, ties; DRF's published example; and, on random
// histories, the incremental order against a sort from scratch.
#include "services/allocator/core/role_tree.h"

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/base/rng.h"
#include "libs/resources/roles.h"
#include "services/allocator/core/test_harness.h"

namespace meros::allocator {
namespace {

using ::testing::ElementsAre;

// The order in which a tree would hand out, as "role:framework".
struct Collector {
  bool EnterRole(const RoleNode&) { return true; }
  bool Visit(const Client& client) {
    order.push_back(absl::StrCat(client.role->name(), ":", client.framework_id.value()));
    return false;
  }
  std::vector<std::string> order;
};

class RoleTreeTest : public ::testing::Test {
 protected:
  RoleTreeTest() { tree_.SetTotals(Amounts("cpus:100;mem:1000")); }

  Client* Add(const std::string& role, const std::string& framework) {
    Client* client = tree_.GetClient(role, FrameworkId(framework));
    tree_.Subscribe(client, &framework_);
    tree_.SetDemand(client, true);
    tree_.Pin(client);  // so that it can be charged
    return client;
  }
  void ChargeTo(Client* client, const std::string& text) {
    tree_.Charge(client, Charge::Of(Text(text)), Grant::kYes);
  }
  std::vector<std::string> Order() {
    tree_.Refresh();
    tree_.CheckInvariants();
    Collector collector;
    tree_.Walk(collector);
    return collector.order;
  }

  Framework framework_;
  RoleTree tree_;
};

TEST_F(RoleTreeTest, OrdersByDominantShareThenGrantsThenName) {
  Client* a = Add("*", "a");
  Client* b = Add("*", "b");
  Client* c = Add("*", "c");
  EXPECT_THAT(Order(), ElementsAre("*:a", "*:b", "*:c"));
  ChargeTo(a, "cpus:10");         // 0.1
  ChargeTo(b, "cpus:1;mem:200");  // 0.2 by memory
  EXPECT_THAT(Order(), ElementsAre("*:c", "*:a", "*:b"));
  ChargeTo(c, "cpus:5");
  ChargeTo(c, "mem:100");  // 0.1 with two grants
  EXPECT_THAT(Order(), ElementsAre("*:a", "*:c", "*:b"));
}

TEST_F(RoleTreeTest, ComparesSiblingsOnly) {
  Client* big = Add("eng/big", "f1");
  Add("eng/small", "f2");
  Client* ads = Add("ads", "f3");
  ChargeTo(big, "cpus:50");
  ChargeTo(ads, "cpus:40");
  // ads is behind eng/small, but before eng as a whole.
  EXPECT_THAT(Order(), ElementsAre("ads:f3", "eng/small:f2", "eng/big:f1"));
}

TEST_F(RoleTreeTest, ARoleWithSubRolesStandsBesideThem) {
  Client* own = Add("eng", "f1");
  Client* sub = Add("eng/web", "f2");
  ChargeTo(own, "cpus:10");
  ChargeTo(sub, "cpus:5");
  EXPECT_THAT(Order(), ElementsAre("eng/web:f2", "eng:f1"));
  ChargeTo(sub, "cpus:10");
  EXPECT_THAT(Order(), ElementsAre("eng:f1", "eng/web:f2"));
}

TEST_F(RoleTreeTest, WeightsApplyAtEveryLevel) {
  Client* eng = Add("eng/web", "f1");
  Client* ads = Add("ads", "f2");
  ChargeTo(eng, "cpus:30");
  ChargeTo(ads, "cpus:20");
  EXPECT_THAT(Order(), ElementsAre("ads:f2", "eng/web:f1"));
  tree_.SetWeight("eng", 2);
  EXPECT_THAT(Order(), ElementsAre("eng/web:f1", "ads:f2"));
}

TEST_F(RoleTreeTest, SharesFollowTheSizeOfTheCluster) {
  Client* a = Add("*", "a");
  Client* b = Add("*", "b");
  ChargeTo(a, "cpus:10");
  ChargeTo(b, "mem:99");
  EXPECT_THAT(Order(), ElementsAre("*:b", "*:a"));
  tree_.SetTotals(Amounts("cpus:1000;mem:1000"));
  EXPECT_THAT(Order(), ElementsAre("*:a", "*:b"));
}

TEST_F(RoleTreeTest, ForgetsRolesThatNobodyNeeds) {
  Client* client = Add("a/b/c", "f1");
  EXPECT_EQ(tree_.role_count(), 3);
  tree_.Subscribe(client, nullptr);
  EXPECT_EQ(tree_.role_count(), 3) << "pinned by a holding";
  tree_.Unpin(client);
  EXPECT_EQ(tree_.role_count(), 0);
  EXPECT_EQ(tree_.client_count(), 0);
}

// Section 4.1 of the paper: 9 CPUs and 18 GB; tasks of A need <1 CPU, 4 GB>, of B <3 CPUs, 1 GB>.
// A gets 3 tasks, B gets 2, and both have two thirds of what dominates them.
TEST_F(RoleTreeTest, TheExampleOfThePaper) {
  tree_.SetTotals(Amounts("cpus:9;mem:18"));
  Client* a = Add("*", "a");
  Client* b = Add("*", "b");
  std::map<const Client*, std::string> task = {{a, "cpus:1;mem:4"}, {b, "cpus:3;mem:1"}};
  std::map<const Client*, int> tasks;
  ResourceQuantities free = Amounts("cpus:9;mem:18");
  for (;;) {
    tree_.Refresh();
    struct First {
      bool EnterRole(const RoleNode&) { return true; }
      bool Visit(const Client&) { return true; }
    } first;
    Client* next = tree_.Walk(first);
    const ResourceQuantities demand = Text(task[next]).ScalarQuantities();
    if (!free.Contains(demand)) break;
    free -= demand;
    ChargeTo(next, task[next]);
    ++tasks[next];
  }
  EXPECT_EQ(tasks[a], 3);
  EXPECT_EQ(tasks[b], 2);
  EXPECT_DOUBLE_EQ(a->share, 2.0 / 3);
  EXPECT_DOUBLE_EQ(b->share, 2.0 / 3);
}

// A tree by the book: sorted from scratch, from plain sums.
class NaiveOrder {
 public:
  struct Entry {
    std::string role, framework;
    ResourceQuantities charged;
    uint64_t grants = 0;
    bool demand = false;
  };

  std::map<std::pair<std::string, std::string>, Entry> entries;
  std::map<std::string, double> weights;
  std::map<std::string, uint64_t> role_grants;  // of everyone below, ever
  std::map<std::string, uint64_t> own_grants;
  ResourceQuantities totals;

  std::vector<std::string> Order() const {
    std::vector<std::string> order;
    AppendBelow("", &order);
    return order;
  }

 private:
  static bool IsIn(const std::string& role, const std::string& ancestor) {
    return ancestor.empty() || role == ancestor || resources::IsAncestorRole(ancestor, role);
  }
  template <typename Map>
  static auto Get(const Map& map, const std::string& key, typename Map::mapped_type fallback) {
    const auto found = map.find(key);
    return found == map.end() ? fallback : found->second;
  }

  struct Place {
    double share;
    uint64_t grants;
    std::string name;
    std::function<void(std::vector<std::string>*)> append;
  };

  void AppendBelow(const std::string& parent, std::vector<std::string>* order) const {
    std::map<std::string, Place> places;  // by component
    for (const auto& [key, entry] : entries) {
      if (!entry.demand || !IsIn(entry.role, parent)) continue;
      if (entry.role == parent) {
        places["."] = {Sum(parent, true), Get(own_grants, parent, 0), ".",
                       [this, parent](auto* out) { AppendOwn(parent, out); }};
        continue;
      }
      const size_t start = parent.empty() ? 0 : parent.size() + 1;
      const std::string child = entry.role.substr(0, entry.role.find('/', start));
      places[child] = {Sum(child, false) / Get(weights, child, 1.0), Get(role_grants, child, 0),
                       child.substr(start), [this, child](auto* out) { AppendBelow(child, out); }};
    }
    AppendSorted(std::move(places), order);
  }
  void AppendOwn(const std::string& role, std::vector<std::string>* order) const {
    std::map<std::string, Place> places;
    for (const auto& [key, entry] : entries) {
      if (!entry.demand || entry.role != role) continue;
      const std::string line = absl::StrCat(role, ":", entry.framework);
      places[entry.framework] = {DominantShare(entry.charged, totals), entry.grants,
                                 entry.framework, [line](auto* out) { out->push_back(line); }};
    }
    AppendSorted(std::move(places), order);
  }
  static void AppendSorted(std::map<std::string, Place> places, std::vector<std::string>* order) {
    std::vector<Place> sorted;
    for (auto& [name, place] : places) sorted.push_back(std::move(place));
    std::sort(sorted.begin(), sorted.end(), [](const Place& a, const Place& b) {
      return std::tie(a.share, a.grants, a.name) < std::tie(b.share, b.grants, b.name);
    });
    for (const Place& place : sorted) place.append(order);
  }
  double Sum(const std::string& role, bool own_only) const {
    ResourceQuantities sum;
    for (const auto& [key, entry] : entries) {
      if (own_only ? entry.role == role : IsIn(entry.role, role)) sum += entry.charged;
    }
    return DominantShare(sum, totals);
  }
};

TEST_F(RoleTreeTest, IncrementalOrderEqualsSortingFromScratch) {
  const std::vector<std::string> roles = {"*", "a", "a/b", "a/b/c", "a/d", "e", "e/f"};
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    Rng rng(seed);
    RoleTree tree;
    NaiveOrder naive;
    Framework framework;
    std::map<std::pair<std::string, std::string>, Client*> clients;
    for (int step = 0; step < 200; ++step) {
      const std::string role = roles[rng.Uniform(0, roles.size() - 1)];
      const std::string id = absl::StrCat("f", rng.Uniform(0, 4));
      Client*& client = clients[{role, id}];
      if (client == nullptr) {
        client = tree.GetClient(role, FrameworkId(id));
        tree.Subscribe(client, &framework);
        tree.Pin(client);
      }
      NaiveOrder::Entry& entry = naive.entries[{role, id}];
      entry.role = role;
      entry.framework = id;
      switch (rng.Uniform(0, 5)) {
        case 0:
          entry.demand = !entry.demand;
          tree.SetDemand(client, entry.demand);
          break;
        case 1:
          naive.weights[role] = static_cast<double>(rng.Uniform(1, 4));
          tree.SetWeight(role, naive.weights[role]);
          break;
        case 2:
          naive.totals = Amounts(absl::StrCat("cpus:", rng.Uniform(50, 60), ";mem:500"));
          tree.SetTotals(naive.totals);
          break;
        case 3:
          if (entry.charged.empty()) break;
          tree.Credit(client, {entry.charged, entry.charged});
          entry.charged = {};
          break;
        default: {
          const Charge charge = Charge::Of(
              Text(absl::StrCat("cpus:", rng.Uniform(1, 3), ";mem:", rng.Uniform(1, 30))));
          tree.Charge(client, charge, Grant::kYes);
          entry.charged += charge.all;
          ++entry.grants;
          ++naive.own_grants[role];
          ++naive.role_grants[role];
          for (const auto ancestor : resources::AncestorRoles(role)) {
            ++naive.role_grants[std::string(ancestor)];
          }
        }
      }
      tree.Refresh();
      tree.CheckInvariants();
      Collector collector;
      tree.Walk(collector);
      ASSERT_EQ(collector.order, naive.Order()) << "seed " << seed << " step " << step;
    }
  }
}

}  // namespace
}  // namespace meros::allocator
