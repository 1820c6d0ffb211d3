// What an operator saves of the cluster: frameworks and agents that an allocator knows, what is in
// use by agent, and what is on offer by role.
#include "services/master/view/allocation_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace meros::master {
namespace {

using resources::Resources;

class Allocations : public ::testing::Test {
 protected:
  void Apply(Publish::Change change) { view_.Apply(Publish{++revision_, std::move(change)}); }

  void AddAgent(const std::string& id, AgentState state, Resources used = {}) {
    auto record = std::make_shared<AgentRecord>();
    record->id = AgentId(id);
    record->state = state;
    record->total = Resources::Of(8, 1024);
    record->used = std::move(used);
    Apply(std::shared_ptr<const AgentRecord>(record));
  }
  void AddFramework(const std::string& id, FrameworkState state = FrameworkState::kConnected) {
    auto record = std::make_shared<FrameworkRecord>();
    record->id = FrameworkId(id);
    record->state = state;
    record->subscription.info = std::make_shared<v1::FrameworkInfo>();
    Apply(std::shared_ptr<const FrameworkRecord>(record));
  }
  void AddTask(const std::string& framework, const std::string& agent, Resources resources,
               bool holds = true, const std::string& executor = "") {
    TaskFacts facts;
    facts.sequence = ++tasks_;
    facts.id = TaskId(std::to_string(tasks_));
    facts.framework_id = Shared<FrameworkId>(FrameworkId(framework));
    facts.agent_id = Shared<AgentId>(AgentId(agent));
    facts.executor_id = Shared<ExecutorId>(ExecutorId(executor));
    facts.role = Shared<std::string>("eng");
    facts.resources = Shared<Resources>(std::move(resources));
    Task task{Shared<TaskFacts>(std::move(facts))};
    task.holds_resources = holds;
    Apply(TaskChanged{std::move(task), false});
  }

  ClusterView view_;
  uint64_t revision_ = 0;
  uint64_t tasks_ = 0;
};

TEST_F(Allocations, AreSummedByWhoHoldsThem) {
  AddFramework("f");
  AddAgent("a0", AgentState::kRegistered);
  AddTask("f", "a0", Resources::Of(1, 100));
  AddTask("f", "a0", Resources::Of(2, 200));
  AddTask("f", "a0", Resources::Of(4, 400), /*holds=*/false);

  const AllocationView books = AllocationsOf(view_);

  EXPECT_EQ(books.revision, revision_);
  ASSERT_EQ(books.agents.size(), 1u);
  ASSERT_EQ(books.agents[0].used.size(), 1u);
  EXPECT_EQ(books.agents[0].used.at({FrameworkId("f"), "eng"}), Resources::Of(3, 300));
}

TEST_F(Allocations, ShowOnlyWhatAnAllocatorKnows) {
  AddFramework("gone", FrameworkState::kCompleted);
  AddFramework("away", FrameworkState::kDisconnected);
  AddAgent("a0", AgentState::kUnreachable);
  AddAgent("a1", AgentState::kDisconnected);

  const AllocationView books = AllocationsOf(view_);

  ASSERT_EQ(books.frameworks.size(), 1u);
  EXPECT_EQ(books.frameworks[0]->id.value(), "away");
  ASSERT_EQ(books.agents.size(), 1u);
  EXPECT_EQ(books.agents[0].record->id.value(), "a1");
}

TEST_F(Allocations, AnExecutorCountsWithTheTasksThatItRuns) {
  AddFramework("f");
  AddFramework("g");
  AddAgent("a0", AgentState::kRegistered, Resources::Of(4, 400));
  AddTask("f", "a0", Resources::Of(1, 100));
  AddTask("g", "a0", Resources::Of(2, 200), /*holds=*/true, "executor");

  const AllocationView books = AllocationsOf(view_);

  ASSERT_EQ(books.agents.size(), 1u);
  EXPECT_EQ(books.agents[0].used.at({FrameworkId("f"), "eng"}), Resources::Of(1, 100));
  EXPECT_EQ(books.agents[0].used.at({FrameworkId("g"), "eng"}), Resources::Of(3, 300));
}

TEST_F(Allocations, OpenOffersAreThoseOfRoles) {
  AddFramework("f");
  FrameworkUsage usage{.id = FrameworkId("f"), .by_role = {}};
  usage.by_role["eng"].offered.Add(resources::ResourceName::Cpus(),
                                   resources::Scalar::FromUnits(3));
  usage.by_role["ops"].used.Add(resources::ResourceName::Cpus(), resources::Scalar::FromUnits(1));
  Apply(usage);

  const AllocationView books = AllocationsOf(view_);

  ASSERT_EQ(books.open_offers.size(), 1u);
  EXPECT_EQ(books.open_offers[0].holder.second, "eng");
  EXPECT_EQ(books.open_offers[0].amount.ToString(), "cpus:3");
}

}  // namespace
}  // namespace meros::master
