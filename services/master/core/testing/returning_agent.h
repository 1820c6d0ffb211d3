// What agents say when they come back: a digest, and then a report.
//
// Thread rule: thread-compatible.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "services/master/core/testing/driver.h"

namespace meros::master::testing {

// Of an agent whose registration key is "k" and its id.
inline AgentReregister Digest(StreamId stream, const std::string& id,
                              const std::vector<ReportedTask>& tasks) {
  AgentReregister message;
  message.stream = stream;
  message.agent_id = AgentId(id);
  message.agent = DescriptionOf("k" + id, resources::Resources::Of(4, 4096), id);
  message.digest.emplace();
  for (const ReportedTask& task : tasks) {
    message.digest->Add(task.framework_id.value(), task.id.value(), task.state);
  }
  return message;
}

// Tasks are of framework "f".
inline AgentReregister Report(StreamId stream, const std::string& id,
                              std::vector<ReportedTask> tasks) {
  AgentReregister message = Digest(stream, id, {});
  message.digest.reset();
  AFramework framework;
  framework.id = "f";
  message.frameworks.push_back({FrameworkId("f"), SubscriptionOf(framework)});
  message.tasks = std::move(tasks);
  return message;
}

inline std::vector<ReportedTask> OneTask(const std::string& id) {
  return {AReportedTask(id, "f", v1::TASK_RUNNING, resources::Resources::Of(1, 64))};
}

// A registry that knows agents a0, a1, ...
inline RegistrySnapshot SnapshotOf(int agents) {
  RegistrySnapshot snapshot;
  for (int i = 0; i < agents; ++i) {
    const AgentReregister agent = Digest(0, "a" + std::to_string(i), {});
    RegistrySnapshot::AgentEntry entry;
    entry.id = agent.agent_id;
    entry.registration_key = agent.agent.registration_key;
    entry.info = agent.agent.info;
    snapshot.agents.push_back(std::move(entry));
  }
  return snapshot;
}

}  // namespace meros::master::testing
