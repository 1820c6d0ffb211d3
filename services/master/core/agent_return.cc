// An agent that may stay comes into session with what it runs: the master's books and the agent's
// report are brought together, the agent being right about what it runs, the master about what must
// not run.
#include <google/protobuf/util/message_differencer.h>

#include <optional>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "libs/tasks/task_state.h"
#include "services/master/core/agent_histories.h"
#include "services/master/core/agent_orders.h"
#include "services/master/core/agent_sessions.h"
#include "services/master/core/maintenance_changes.h"
#include "services/master/core/operations.h"
#include "services/master/core/task_state.h"

namespace meros::master {
namespace {

using google::protobuf::util::MessageDifferencer;

// Frameworks that only the agent knows are waited for, as long as after a fail-over of the master.
void AddReportedFrameworks(Transaction* tx, const Agent& agent,
                           std::vector<ReportedFramework> frameworks) {
  Books& books = tx->books();
  for (ReportedFramework& reported : frameworks) {
    if (books.frameworks.IsRemoved(reported.id)) {
      tx->Send(agent.stream, ShutdownFrameworkMessage{reported.id});
    } else if (const Framework* known = books.frameworks.Find(reported.id)) {
      tx->Send(agent.stream, UpdateFrameworkMessage{known->record.subscription.info});
    } else {
      FrameworkRecord record;
      record.id = reported.id;
      record.state = FrameworkState::kRecovered;
      record.subscription = std::move(reported.subscription);
      record.registered = tx->now();
      record.failover_deadline = tx->now() + std::max(record.subscription.failover_timeout,
                                                      tx->options().RecoveredFrameworkGrace());
      tx->RecordFramework(*tx->AddFramework(std::move(record)));
    }
  }
}

// The agent runs what the books say. How frameworks describe themselves may have changed while it
// was away.
void RefreshFrameworks(Transaction* tx, const Agent& agent) {
  absl::btree_set<FrameworkId> told;
  for (const auto& [sequence, task] : agent.tasks) {
    if (!told.insert(task->framework_id()).second) continue;
    const Framework* framework = tx->books().frameworks.Find(task->framework_id());
    tx->Send(agent.stream, UpdateFrameworkMessage{framework->record.subscription.info});
  }
  for (const auto& [key, task] : agent.ending) {
    if (told.insert(key.first).second) tx->Send(agent.stream, ShutdownFrameworkMessage{key.first});
  }
}

// What of its report is of removed frameworks, which it was told to shut down.
void TakeEnding(Transaction* tx, Agent* agent, const std::vector<ReportedTask>& tasks) {
  for (const ReportedTask& task : tasks) {
    if (tasks::IsTerminal(task.state) || !tx->books().frameworks.IsRemoved(task.framework_id)) {
      continue;
    }
    tx->KeepEnding(agent, {task.framework_id, task.id}, task.state, task.resources);
  }
}

// A known task: its agent's word counts, but an end is never taken back.
void UpdateKnownTask(Transaction* tx, Task* task, const ReportedTask& reported) {
  if (task->state == reported.state || tasks::IsTerminal(task->state)) return;
  const std::optional<v1::TaskStatus> last = reported.statuses.Newest();
  tx->SetTaskState(task, reported.state, last.has_value() ? &*last : nullptr);
  task->end_is_due = tasks::IsTerminal(task->state);
}

void AnnounceReturn(Transaction* tx, const Framework& framework, const Task& task) {
  tx->Tell(framework,
           UpdateEvent{tx->MakeStatus(
               task.id(), task.agent_id(), VisibleState(task.state, framework.partition_aware()),
               v1::TaskStatus::REASON_AGENT_REREGISTERED, "the agent came back")});
}

// The allocator hears of what they hold once for each framework and role.
void TakeTasks(Transaction* tx, Agent* agent, const std::vector<ReportedTask>& tasks,
               Announce announce) {
  absl::btree_map<std::pair<FrameworkId, std::string>, resources::Resources> held;
  for (const ReportedTask& reported : tasks) {
    Framework* framework = tx->books().frameworks.Find(reported.framework_id);
    if (framework == nullptr) continue;  // removed: TakeEnding
    Task* known = framework->FindTask(reported.id);
    if (known != nullptr) {
      // A task id that runs on two agents: the first one counts, this one is ended.
      if (known->agent_id() != agent->record.id) {
        tx->Add(Count::kAgentTaskDisputed);
        tx->Send(agent->stream, KillTaskMessage{reported.framework_id, reported.id, nullptr, ""});
        continue;
      }
      UpdateKnownTask(tx, known, reported);
      continue;
    }
    const Task* task = tx->AddReportedTask(framework, agent, reported);
    if (task->holds_resources) held[{task->framework_id(), task->role()}] += task->resources();
    // An end is told by its update, which follows.
    if (announce == Announce::kTasks && !task->end_is_due) AnnounceReturn(tx, *framework, *task);
  }
  for (auto& [holder, resources] : held) {
    tx->TellAllocator(
        AllocateDelta{holder.first, holder.second, agent->record.id, std::move(resources), 0});
  }
}

// Tasks that the master launched and the agent does not know. To a new leader, which knows of none,
// that is cheap before the report's are in the books.
ReconcileMessage MissingOf(Transaction* tx, const Agent& agent,
                           const std::vector<ReportedTask>& tasks) {
  ReconcileMessage missing;
  if (agent.tasks.empty()) return missing;
  absl::flat_hash_set<std::pair<FrameworkId, TaskId>> reported;
  for (const ReportedTask& task : tasks) reported.emplace(task.framework_id, task.id);
  for (const auto& [sequence, task] : agent.tasks) {
    if (reported.contains({task->framework_id(), task->id()})) continue;
    const Framework* framework = tx->books().frameworks.Find(task->framework_id());
    missing.tasks.push_back({task->framework_id(), task->id(), framework->partition_aware()});
  }
  return missing;
}

void TakeExecutors(Transaction* tx, Agent* agent, std::vector<Executor> executors) {
  absl::btree_set<Agent::ExecutorKey> living;
  for (const Executor& executor : executors) living.emplace(executor.framework_id, executor.id);
  for (auto it = agent->executors.begin(); it != agent->executors.end();) {
    const Agent::ExecutorKey key = it->first;
    if (!living.contains(key)) tx->RemoveExecutor(agent, key);
    it = agent->executors.upper_bound(key);
  }
  for (Executor& executor : executors) {
    if (tx->books().frameworks.Find(executor.framework_id) == nullptr) continue;
    if (agent->executors.contains({executor.framework_id, executor.id})) continue;
    tx->AddExecutor(agent, std::move(executor), /*reported=*/true);
  }
}

// What the agent does not run, because it never got it or it has ended, holds nothing there.
// Matters where the agent has not even what would hold it: a launch was lost together with the
// UNRESERVE before it.
void ReleaseWhatDoesNotRun(Transaction* tx, Agent* agent, const std::vector<ReportedTask>& tasks) {
  absl::flat_hash_set<std::pair<FrameworkId, TaskId>> running;
  for (const ReportedTask& task : tasks) {
    if (!tasks::IsTerminal(task.state)) running.emplace(task.framework_id, task.id);
  }
  for (const auto& [sequence, task] : agent->tasks) {
    if (running.contains({task->framework_id(), task->id()})) continue;
    tx->ReleaseTask(task, tx->books().frameworks.Find(task->framework_id()), agent);
  }
}

void RepeatKills(Transaction* tx, const Agent& agent) {
  for (const auto& [key, kill] : agent.pending_kills) {
    tx->Send(agent.stream, KillTaskMessage{key.first, key.second, kill.policy, kill.preempted_for});
  }
}

void Describe(Transaction* tx, Agent* agent, const AgentDescription& description) {
  // One whose session is replaced stays active: nothing else tells the allocator of its attributes.
  const bool is_news =
      agent->is_active() && !MessageDifferencer::Equals(*agent->record.info, *description.info);
  agent->record.info = description.info;
  tx->books().agents.SetKey(agent, description.registration_key);
  agent->record.version = description.version;
  agent->record.capabilities = description.capabilities;
  agent->record.service_address = description.service_address;
  agent->record.ip = description.ip;
  agent->resource_version_uuid = description.resource_version_uuid;
  tx->RefreshMaintenance(agent);
  if (is_news) tx->TellAllocator(tx->Describe(*agent));
}

}  // namespace

void TakeIntoSession(Transaction* tx, Agent* agent, AgentReregister message, Announce announce) {
  tx->EndOffersOf(agent);                                     // of a session that this one replaces
  if (!message.digest.has_value()) tx->ReleaseEnding(agent);  // the report tells what there is
  tx->ReleaseTasksBeyond(agent, message.agent.total);
  const auto has_room = [&] {
    return message.agent.total.Contains(WithSingleShares(agent->record.used));
  };
  if (!message.digest.has_value() && !has_room()) {
    ReleaseWhatDoesNotRun(tx, agent, message.tasks);
  }
  if (!has_room()) {
    tx->Add(Count::kAgentTotalDisputed);
    const absl::Status status = absl::InvalidArgumentError(
        absl::StrCat("the agent's resources ", message.agent.total.DebugString(),
                     " do not hold what its tasks use: ", agent->record.used.DebugString()));
    tx->Close(agent->stream, status);
    if (agent->is_active()) return Disconnect(tx, agent);
    return tx->books().agents.SetStream(agent, 0);
  }
  Describe(tx, agent, message.agent);
  WelcomeAgent(tx, agent, /*reregistered=*/true);
  tx->SetAgentTotal(agent, std::move(message.agent.total));
  if (!agent->is_active()) tx->SetAgentState(agent, AgentState::kRegistered);
  if (message.digest.has_value()) {
    RefreshFrameworks(tx, *agent);
  } else {
    ReconcileMessage missing = MissingOf(tx, *agent, message.tasks);
    AddReportedFrameworks(tx, *agent, std::move(message.frameworks));
    TakeTasks(tx, agent, message.tasks, announce);
    TakeEnding(tx, agent, message.tasks);
    TakeExecutors(tx, agent, std::move(message.executors));
    if (!missing.tasks.empty()) tx->Send(agent->stream, std::move(missing));
  }
  TakeOperations(tx, agent, std::move(message.operations));
  RepeatKills(tx, *agent);
  AwaitHistory(tx, agent, std::move(message.agent.ended));
  tx->PublishAgent(*agent);
  ContinueDrain(tx, agent->record.id);
  SendAwayIfDown(tx, agent);
}

}  // namespace meros::master
