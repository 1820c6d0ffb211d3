#include "libs/base/check.h"
#include "libs/tasks/task_state.h"
#include "services/master/core/transaction.h"

namespace meros::master {
namespace {

struct Sums {
  resources::Resources used;
  resources::Resources offered;
};

void CheckTask(const Books& books, const Task& task) {
  const Framework* framework = books.frameworks.Find(task.framework_id());
  const Agent* agent = books.agents.Find(task.agent_id());
  MEROS_CHECK(framework != nullptr) << task.id();
  MEROS_CHECK(agent != nullptr) << task.id();
  MEROS_CHECK(framework->tasks.at(task.sequence()) == &task) << task.id();
  MEROS_CHECK(framework->FindTask(task.id()) == &task) << task.id();
  MEROS_CHECK(agent->tasks.at(task.sequence()) == &task) << task.id();
  MEROS_CHECK(!task.holds_resources || !tasks::IsTerminal(task.state)) << task.id();
}

void CheckAgent(const Books& books, const Agent& agent) {
  Sums sums;
  for (const auto& [sequence, task] : agent.tasks) {
    MEROS_CHECK(task->agent_id() == agent.record.id) << task->id();
    if (task->holds_resources) sums.used += task->resources();
  }
  for (const auto& [key, executor] : agent.executors) sums.used += executor.resources;
  for (const auto& [key, task] : agent.ending) {
    MEROS_CHECK(!tasks::IsTerminal(task.state)) << key.second;
    sums.used += task.resources;
  }
  for (uint64_t sequence : agent.offers) {
    const Offer* offer = books.offers.Find(sequence);
    MEROS_CHECK(offer != nullptr && offer->agent_id == agent.record.id) << sequence;
    sums.offered += offer->resources;
  }
  for (const auto& [sequence, operation] : agent.operations) {
    MEROS_CHECK(operation->sequence == sequence && operation->agent_id == agent.record.id);
  }
  MEROS_CHECK(sums.used == agent.record.used) << agent.record.id << ": " << sums.used.DebugString()
                                              << " != " << agent.record.used.DebugString();
  MEROS_CHECK(sums.offered == agent.record.offered) << agent.record.id;
  MEROS_CHECK(agent.record.total.Contains(WithSingleShares(sums.used + sums.offered)))
      << agent.record.id << " has " << agent.record.total.DebugString() << ", used "
      << sums.used.DebugString() << ", offered " << sums.offered.DebugString();
  MEROS_CHECK(agent.record.Free() + (sums.used + sums.offered).NonShared() == agent.record.total);
  if (!agent.is_live()) {
    MEROS_CHECK(agent.tasks.empty() && agent.offers.empty() && agent.executors.empty() &&
                agent.operations.empty() && agent.ending.empty())
        << agent.record.id << " " << AgentStateName(agent.record.state);
  }
  MEROS_CHECK(agent.may_offer() || agent.offers.empty()) << agent.record.id;
  const std::optional<Unavailability> planned =
      PlannedFor(agent.record, *books.maintenance.plan);
  MEROS_CHECK(agent.record.unavailability == planned)
      << agent.record.id << " " << AgentStateName(agent.record.state) << " drain "
      << static_cast<int>(agent.record.orders.drain) << " until "
      << agent.record.orders.delay_until << ", is "
      << agent.record.unavailability.value_or(Unavailability{}).start << ", planned "
      << planned.value_or(Unavailability{}).start;
}

void CheckFramework(const Books& books, const Framework& framework) {
  absl::btree_map<std::string, RoleUsage> usage;
  for (const auto& [sequence, task] : framework.tasks) {
    MEROS_CHECK(task->framework_id() == framework.record.id) << task->id();
    if (task->holds_resources) usage[task->role()].used += task->resources().Quantities();
  }
  for (const auto& [agent_id, executor_id] : framework.executors) {
    const auto& there = books.agents.Find(agent_id)->executors;
    const Executor& executor = there.at({framework.record.id, executor_id});
    if (executor.resources.empty()) continue;
    usage[executor.role].used += executor.resources.Quantities();
  }
  for (uint64_t sequence : framework.offers) {
    const Offer* offer = books.offers.Find(sequence);
    MEROS_CHECK(offer != nullptr && offer->framework_id == framework.record.id) << sequence;
    usage[offer->role].offered += offer->resources.Quantities();
  }
  for (const auto& [role, sums] : usage) {
    auto it = framework.usage.find(role);
    MEROS_CHECK(it != framework.usage.end() || sums.empty()) << framework.record.id << " " << role;
    if (it == framework.usage.end()) continue;
    MEROS_CHECK(it->second.used == sums.used && it->second.offered == sums.offered)
        << framework.record.id << " " << role << " " << it->second.used.ToString()
        << " != " << sums.used.ToString();
  }
  MEROS_CHECK(framework.is_connected() || framework.offers.empty()) << framework.record.id;
  MEROS_CHECK(framework.unreachable.size() == framework.unreachable_by_id.size());
}

}  // namespace

void CheckInvariants(const Books& books) {
  books.inverse_offers.CheckInvariants();
  for (const auto& [sequence, offer] : books.inverse_offers.all()) {
    const Framework* framework = books.frameworks.Find(offer->framework_id);
    const Agent* agent = books.agents.Find(offer->agent_id);
    MEROS_CHECK(framework != nullptr && framework->is_connected()) << offer->id;
    MEROS_CHECK(agent != nullptr && agent->is_live()) << offer->id;
    MEROS_CHECK(agent->record.unavailability == offer->unavailability) << offer->id;
    MEROS_CHECK(agent->record.answers.contains(offer->framework_id)) << offer->id;
  }
  for (const auto& [sequence, gang] : books.gangs.all()) {
    const Framework* framework = books.frameworks.Find(gang.framework_id);
    MEROS_CHECK(books.gangs.Find(gang.framework_id, gang.id) == &gang) << gang.id;
    MEROS_CHECK(framework != nullptr && framework->is_connected()) << gang.id;
    MEROS_CHECK(framework->record.subscription.HasRole(gang.role)) << gang.id;
  }
  books.agents.CheckInvariants();
  books.late_agents.CheckInvariants();
  books.frameworks.CheckInvariants();
  books.offers.CheckInvariants();
  books.operations.CheckInvariants();
  size_t agent_tasks = 0;
  size_t framework_tasks = 0;
  size_t agent_offers = 0;
  size_t agent_operations = 0;
  size_t agent_executors = 0;
  size_t framework_executors = 0;
  for (const auto& [sequence, task] : books.tasks.all()) CheckTask(books, *task);
  for (const auto& [sequence, agent] : books.agents.all()) {
    CheckAgent(books, *agent);
    agent_tasks += agent->tasks.size();
    agent_offers += agent->offers.size();
    agent_operations += agent->operations.size();
    agent_executors += agent->executors.size();
  }
  for (const auto& [sequence, framework] : books.frameworks.all()) {
    CheckFramework(books, *framework);
    framework_tasks += framework->tasks.size();
    framework_executors += framework->executors.size();
  }
  MEROS_CHECK(agent_tasks == books.tasks.size() && framework_tasks == books.tasks.size());
  MEROS_CHECK(agent_executors == framework_executors);
  MEROS_CHECK(agent_offers == books.offers.size());
  MEROS_CHECK(agent_operations == books.operations.all().size());
}

}  // namespace meros::master
