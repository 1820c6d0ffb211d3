// Goal: recovery reaches the same state wherever the agent crashes.
// Method: one life of a few tasks (a clean end, a failure, a kill, a kill before start, a lost
// containerizer) is played against the model of a node; it is repeated with a crash after the first
// effect, the second, and so on, with and without records lost that were not yet committed. After
// the crash the agent starts again and the story goes on. In the end every task has exactly one
// terminal update, what the framework was told is true, and nothing is left on the node but the
// memory of it.
#include <gtest/gtest.h>

#include <set>

#include "absl/strings/match.h"
#include "libs/tasks/task_state.h"
#include "services/agent/core/records.h"
#include "services/agent/core/testing/node_model.h"

namespace meros::agent {
namespace {

// Brings whatever is down up again.
void Restore(NodeModel* node) {
  if (!node->is_running()) node->StartAgent();
  if (node->core().state() == AgentState::kRecovering || !node->core().has_containerizer()) {
    node->ConnectContainerizer();
  }
  if (!node->is_running()) return;
  node->ConnectMaster();
}

using Act = std::function<void(NodeModel*)>;

const std::vector<Act>& Story() {
  static const auto* story = new std::vector<Act>{
      [](NodeModel* n) { n->Run("clean"); },
      [](NodeModel* n) { n->Run("failing"); },
      [](NodeModel* n) { n->Run("killed"); },
      [](NodeModel* n) { n->ExitContainer("clean", 0); },
      [](NodeModel* n) { n->Kill("killed"); },
      [](NodeModel* n) {
        if (n->is_running()) n->BreakContainerizer();
      },
      [](NodeModel* n) { n->Run("late"); },
      [](NodeModel* n) { n->ExitContainer("failing", 7); },
      [](NodeModel* n) {
        if (n->is_running()) n->BreakMaster();
      },
      [](NodeModel* n) {
        n->Run("last");
        n->Kill("last");
      },
  };
  return *story;
}

void Finish(NodeModel* node) {
  node->CrashAfter(-1);
  node->commits_at_once = true;
  for (int i = 0; i < 4; ++i) {
    Restore(node);
    for (const char* task : {"clean", "late", "last"}) node->ExitContainer(task, 0);
    node->ExitContainer("failing", 7);
    node->ExitContainer("killed", 0);
    node->Advance(absl::Minutes(11));  // beyond the longest retry
  }
}

std::string Describe(const std::vector<v1::TaskStatus>& updates) {
  std::string out;
  for (const v1::TaskStatus& status : updates) out += status.ShortDebugString() + "\n";
  return out;
}

// Besides the identity only what has ended is left: every task that ran, as its framework heard it.
void ExpectHistory(const NodeModel& node) {
  std::set<std::string> remembered;
  for (const auto& [key, value] : node.disk) {
    if (key == kNodeKey) continue;
    agent_records::v1::EndedTaskRecord record;
    ASSERT_TRUE(absl::StartsWith(key, "ended/F/") && record.ParseFromString(value)) << key;
    const std::string name = record.task().task_id().value();
    EXPECT_EQ(record.task().state(), node.seen.at(name).updates.back().state()) << name;
    remembered.insert(name);
  }
  for (const auto& [name, task] : node.seen) {
    if (task.launches > 0) EXPECT_TRUE(remembered.contains(name)) << name;
  }
}

void ExpectTruth(const NodeModel& node) {
  for (const auto& [name, task] : node.seen) {
    SCOPED_TRACE(name);
    int terminal = 0;
    for (const v1::TaskStatus& status : task.updates) {
      terminal += tasks::IsTerminal(status.state()) ? 1 : 0;
    }
    EXPECT_EQ(terminal, 1) << Describe(task.updates);
    EXPECT_LE(task.launches, 1);
    if (task.updates.empty()) continue;
    const v1::TaskStatus& last = task.updates.back();
    EXPECT_TRUE(tasks::IsTerminal(last.state()));
    if (last.state() == v1::TASK_DROPPED) {
      EXPECT_EQ(task.launches, 0) << last.ShortDebugString();
    }
    if (last.state() == v1::TASK_FINISHED) {
      EXPECT_EQ(last.exit_code(), 0);
    }
    if (name == "failing" && task.launches == 1) {
      EXPECT_EQ(last.state(), v1::TASK_FAILED);
      EXPECT_EQ(last.exit_code(), 7);
    }
    if (name == "clean" && task.launches == 1) {
      EXPECT_EQ(last.state(), v1::TASK_FINISHED);
    }
  }
  EXPECT_TRUE(node.containers.empty());
  EXPECT_TRUE(node.disk.contains(kNodeKey));
  ExpectHistory(node);
}

// Plays the story with one crash. False when the story was over before the crash came.
bool Play(uint64_t seed, int crash_after, bool is_lossy) {
  SCOPED_TRACE(crash_after);
  NodeModel node(seed);
  node.acknowledges = true;
  node.commits_at_once = !is_lossy;
  node.CrashAfter(crash_after);
  bool has_crashed = false;
  node.StartAgent();
  for (const Act& act : Story()) {
    has_crashed |= !node.is_running();
    Restore(&node);
    act(&node);
    // Lossy: records wait for the next act but one, so a crash loses those in between.
    if (is_lossy && node.is_running() && &act != &Story()[crash_after % Story().size()]) {
      node.Commit();
      node.Settle();
    }
  }
  has_crashed |= !node.is_running();
  Finish(&node);
  ExpectTruth(node);
  return has_crashed;
}

TEST(Crash, AnywhereLosesAndRepeatsNothing) {
  int crashes = 0;
  for (int after = 1; Play(1, after, /*is_lossy=*/false) && !testing::Test::HasFailure(); ++after) {
    ++crashes;
  }

  EXPECT_GT(crashes, 50);
}

TEST(Crash, AnywhereWithUncommittedRecordsLosesAndRepeatsNothing) {
  int crashes = 0;
  for (int after = 1; after < 120 && !testing::Test::HasFailure(); ++after) {
    crashes += Play(2, after, /*is_lossy=*/true) ? 1 : 0;
  }

  EXPECT_GT(crashes, 30);
}

}  // namespace
}  // namespace meros::agent
