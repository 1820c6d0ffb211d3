// What tests of orders about agents begin with: an agent, a framework, and the operator's calls.
//
// Thread rule: thread-compatible.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "services/master/core/agent_orders.h"
#include "services/master/core/testing/driver.h"

namespace meros::master::testing {

inline AgentReregister Return(StreamId stream, std::vector<ReportedTask> tasks = {}) {
  AgentReregister message;
  message.stream = stream;
  message.agent_id = AgentId("m-S0");
  message.agent = DescriptionOf("k", resources::Resources::Of(4, 4096), "m-S0");
  for (const ReportedTask& task : tasks) {
    AFramework framework;
    framework.id = task.framework_id.value();
    message.frameworks.push_back({task.framework_id, SubscriptionOf(framework)});
  }
  message.tasks = std::move(tasks);
  return message;
}

inline ReportedTask RunningTask() {
  return AReportedTask("t", "m-0000", v1::TASK_RUNNING, resources::Resources::Of(1, 64));
}

// Agent "m-S0" on stream 2, framework "m-0000" on stream 1.
class OrderedAgentTest : public ::testing::Test {
 protected:
  OrderedAgentTest() { Start(/*partition_aware=*/true); }

  void Start(bool partition_aware) {
    driver_ = std::make_unique<CoreDriver>();
    driver_->Lead();
    driver_->ConnectAllocator();
    AFramework framework;
    framework.partition_aware = partition_aware;
    driver_->Subscribe(1, framework);
    driver_->Register(2, "k", resources::Resources::Of(4, 4096));
    driver_->CommitWrites();
  }
  const AgentRecord& Record() { return driver_->books().agents.Find(AgentId("m-S0"))->record; }
  void RunATask() {
    driver_->Propose(1, "m-0000", "m-S0", resources::Resources::Of(4, 4096));
    driver_->Call(1, "m-0000",
                  Accept{{driver_->Offer(1)},
                         {LaunchOperation{{ATask("t", "m-S0", resources::Resources::Of(1, 64))}}},
                         absl::Seconds(5)});
    driver_->Update(2, "m-0000", "t", v1::TASK_RUNNING, "u1");
  }
  void EndTheTask(v1::TaskState state = v1::TASK_KILLED) {
    driver_->Update(2, "m-0000", "t", state, "u2");
  }
  std::vector<std::string> Acknowledge() {
    return driver_->Call(1, "m-0000", AcknowledgeCall{AgentId("m-S0"), TaskId("t"), "u2"});
  }
  std::vector<std::string> Order(OperatorAgentOrder::Kind kind, const std::string& agent = "m-S0",
                                 const std::string& request_id = "") {
    OperatorAgentOrder order{++call_, request_id, AgentId(agent), kind};
    order.max_grace = max_grace_;
    order.mark_gone = mark_gone_;
    order.max_delay = max_delay_;
    return driver_->Do(order);
  }
  std::vector<std::string> OrderDurably(OperatorAgentOrder::Kind kind) {
    std::vector<std::string> lines = Order(kind);
    for (std::string& line : driver_->CommitWrites()) lines.push_back(std::move(line));
    return lines;
  }
  // What the registry would tell the next leader.
  void FailOver(RegistrySnapshot::AgentEntry::State state) { FailOver(state, Record().orders); }
  void FailOver(RegistrySnapshot::AgentEntry::State state, const AgentOrders& orders) {
    RegistrySnapshot snapshot;
    RegistrySnapshot::AgentEntry entry;
    entry.id = AgentId("m-S0");
    entry.state = state;
    entry.info = Record().info;
    entry.registration_key = "k";
    entry.orders = orders;
    snapshot.agents.push_back(entry);
    driver_ = std::make_unique<CoreDriver>();
    driver_->Lead(2, snapshot);
  }

  std::unique_ptr<CoreDriver> driver_;
  uint64_t call_ = 100;
  std::optional<absl::Duration> max_grace_;
  bool mark_gone_ = false;
  absl::Duration max_delay_ = absl::ZeroDuration();
};

}  // namespace meros::master::testing
