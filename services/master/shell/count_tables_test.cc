// Goal: what is counted comes out as Prometheus reads it, for as many frameworks as are asked for.
#include "services/master/shell/count_tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/master/view/test_view.h"

namespace meros::master {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class CountTablesTest : public testing::ViewTest {
 protected:
  void Count(const std::string& framework, FrameworkCounts counts) {
    Apply(FrameworkUsage{
        FrameworkId(framework), {}, std::make_shared<const FrameworkCounts>(std::move(counts))});
  }
  std::string Text(size_t framework_series_max = 100) {
    tables_.Measure(view_, framework_series_max);
    return registry_.Serialize();
  }

  telemetry::MetricRegistry registry_{"master"};
  CountTables tables_{&registry_};
};

TEST_F(CountTablesTest, EndsAreShownByStateSourceAndReason) {
  ClusterCounts counts;
  counts
      .ended[{v1::TASK_LOST, v1::TaskStatus::SOURCE_MASTER, v1::TaskStatus::REASON_AGENT_REMOVED}] =
      3;
  counts.ended[{v1::TASK_FINISHED, v1::TaskStatus::SOURCE_EXECUTOR, std::nullopt}] = 5;
  Apply(CountsChanged{std::make_shared<const ClusterCounts>(counts)});

  const std::string text = Text();

  EXPECT_THAT(text, HasSubstr("meros_master_task_ends_total{state=\"lost\",source=\"master\","
                              "reason=\"agent_removed\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("{state=\"finished\",source=\"executor\",reason=\"\"} 5\n"));
}

TEST_F(CountTablesTest, OperationsCallsAndAgentsAreShownByType) {
  ClusterCounts counts;
  counts.operations[{v1::Offer::Operation::GROW_VOLUME, v1::OPERATION_GONE_BY_OPERATOR}] = 2;
  counts.calls[kSubscribeCall] = 4;
  counts.agent_said[static_cast<size_t>(AgentSaid::kReregister)] = 6;
  counts.agent_changes[static_cast<size_t>(AgentChange::kMaintenance)] = 7;
  Apply(CountsChanged{std::make_shared<const ClusterCounts>(counts)});

  const std::string text = Text();

  EXPECT_THAT(text, HasSubstr("meros_master_operation_changes_total{type=\"grow_volume\","
                              "state=\"gone_by_operator\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("meros_master_scheduler_calls_total{type=\"subscribe\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("meros_master_agent_messages_total{type=\"reregister\"} 6\n"));
  EXPECT_THAT(text, HasSubstr("meros_master_agent_changes_total{change=\"maintenance\"} 7\n"));
}

TEST_F(CountTablesTest, AFrameworkHasRowsOfItsOwn) {
  AddFramework("f", FrameworkState::kConnected, {"eng"});
  AddTask("f", "t1", 1);
  AddTask("f", "t2", 2);
  FrameworkCounts counts;
  counts.offers.declined = 8;
  counts.ended[v1::TASK_KILLED] = 9;
  counts.operations[v1::Offer::Operation::LAUNCH] = 10;
  Count("f", counts);

  const std::string text = Text();

  const std::string who = "{framework_id=\"f\",name=\"name-f\"";
  for (const std::string& line :
       {"meros_master_framework_subscribed" + who + "} 1\n",
        "meros_master_framework_suppressed" + who + ",role=\"eng\"} 0\n",
        "meros_master_framework_offers_total" + who + ",what=\"declined\"} 8\n",
        "meros_master_framework_task_ends_total" + who + ",state=\"killed\"} 9\n",
        "meros_master_framework_operations_total" + who + ",type=\"launch\"} 10\n",
        "meros_master_framework_tasks" + who + ",state=\"running\"} 2\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST_F(CountTablesTest, TasksThatEndAreNotActiveAnyMore) {
  AddFramework("f");
  AddTask("f", "t", 1);
  AddTask("f", "t", 1, v1::TASK_KILLING);
  EXPECT_THAT(Text(), HasSubstr("name=\"name-f\",state=\"killing\"} 1\n"));

  AddTask("f", "t", 1, v1::TASK_KILLED);
  EXPECT_THAT(Text(), HasSubstr("name=\"name-f\",state=\"killing\"} 0\n"));
}

TEST_F(CountTablesTest, NoMoreFrameworksThanAskedForAreShown) {
  AddFramework("a");
  AddFramework("b", FrameworkState::kCompleted);
  AddFramework("c");
  AddFramework("d");

  EXPECT_THAT(Text(0), Not(HasSubstr("framework_id=")));
  const std::string text = Text(2);
  EXPECT_THAT(text, HasSubstr("framework_id=\"a\""));
  EXPECT_THAT(text, Not(HasSubstr("framework_id=\"b\""))) << "removed";
  EXPECT_THAT(text, HasSubstr("framework_id=\"c\""));
  EXPECT_THAT(text, Not(HasSubstr("framework_id=\"d\"")));
}

}  // namespace
}  // namespace meros::master
