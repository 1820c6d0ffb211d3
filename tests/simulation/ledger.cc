#include "tests/simulation/ledger.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/resources/parse.h"
#include "libs/simulation/probes.h"
#include "libs/tasks/task_state.h"
#include "tests/simulation/job.h"

namespace meros::simulation {
namespace {

// Whether others see it as an act of the leader.
bool IsAct(const master::Effect& effect) {
  if (const auto* event = std::get_if<master::ToScheduler>(&effect)) {
    return !std::holds_alternative<master::ErrorEvent>(event->event);
  }
  return std::holds_alternative<master::ToAgent>(effect) ||
         std::holds_alternative<master::ToAllocator>(effect);
}

}  // namespace

void Ledger::Fail(const std::string& what) {
  if (status_.ok()) status_ = absl::InternalError(what);
}

void Ledger::OnRegistryAcknowledges(const registry::v1::Commit& commit, uint64_t revision,
                                    bool has_others) {
  for (const registry::v1::Mutation& mutation : commit.mutations()) {
    const registry::Key key(mutation.key().kind(), mutation.key().name());
    Acknowledged& last = acknowledged_[key];
    if (revision < last.revision) {
      // It stood still while another went on; RegistryHistory knows whether that is in order.
      if (has_others) continue;
      Fail(absl::StrCat("the registry acknowledges revision ", revision, " of ", key.second,
                        " after revision ", last.revision));
    }
    last = {mutation, revision};
  }
}

void Ledger::OnLeaseAnswered(const registry::v1::LeaseResult& lease) {
  if (!holder_of_epoch_.empty() && lease.epoch() < holder_of_epoch_.rbegin()->first) {
    Fail(absl::StrCat("the registry grants or renews epoch ", lease.epoch(), " after epoch ",
                      holder_of_epoch_.rbegin()->first));
  }
  const auto [holder, is_new] = holder_of_epoch_.emplace(lease.epoch(), lease.candidate_id());
  if (!is_new && holder->second != lease.candidate_id()) {
    Fail(absl::StrCat("epoch ", lease.epoch(), " has two holders"));
  }
  if (!is_new || holder_of_epoch_.size() == 1) return;
  const auto is_alive = [](const auto& entry) { return entry.second.is_alive; };
  Sometimes<"a second master leads while tasks run">(
      std::any_of(executions_.begin(), executions_.end(), is_alive));
}

void Ledger::OnRegistryStarts(const registry::StoredState& stored) {
  std::map<registry::Key, const registry::Value*> values;
  for (const registry::StoreChange& record : stored.records) {
    if (record.value.has_value()) values[record.key] = &*record.value;
  }
  for (const auto& [key, last] : acknowledged_) {
    const auto found = values.find(key);
    const registry::Value* value = found == values.end() ? nullptr : found->second;
    // Something newer may have become durable without having been acknowledged.
    if (value != nullptr && value->revision() > last.revision) continue;
    if (value == nullptr && stored.revision > last.revision) continue;
    const bool is_kept = last.mutation.has_put()
                             ? value != nullptr && value->bytes() == last.mutation.put()
                             : value == nullptr;
    if (!is_kept) Fail(absl::StrCat("the acknowledged record ", key.second, " is lost"));
  }
}

void Ledger::OnMasterEffect(const std::string& node, const std::string& process,
                            const master::MasterCore& core, const master::Effect& effect) {
  // At the end of its leadership a batch may hold acts of its beginning; they count as of then.
  if (!IsAct(effect) || core.leadership() != master::LeadershipState::kLeading) return;
  const uint64_t epoch = core.epoch();
  const auto [actor, is_new] = process_of_epoch_.emplace(epoch, process);
  if (actor->second != process) {
    Fail(absl::StrCat(node, " acts in epoch ", epoch, " of another process"));
  }
  const uint64_t granted = holder_of_epoch_.empty() ? 0 : holder_of_epoch_.rbegin()->first;
  if (epoch < granted) {
    Fail(absl::StrCat(node, " acts in epoch ", epoch, " though epoch ", granted, " was granted"));
  }
}

// Runs after every batch of a master: what is alive on an agent but not in its books must fit in
// what the books call free, else somebody could be offered what is not there.
void Ledger::OnMasterBatch(const std::string& node, const master::MasterCore& core) {
  if (core.leadership() != master::LeadershipState::kLeading) return;
  for (const auto& framework : core.books().completed_frameworks) {
    removed_frameworks_.insert(framework->record.id);
  }
  for (const auto& [sequence, framework] : core.books().frameworks.all()) {
    if (!removed_frameworks_.contains(framework->record.id)) continue;
    Fail(absl::StrCat(node, " knows ", framework->record.id.value(), ", which was removed"));
  }
  for (const auto& [sequence, agent] : core.books().agents.all()) {
    if (!agent->is_active()) continue;
    const bool is_drained = agent->record.orders.drain == master::AgentOrders::Drain::kDrained;
    resources::Resources unknown;
    std::string names;
    for (const auto& [task, execution] : executions_) {
      if (!execution.is_alive || execution.agent_id != agent->record.id.value()) continue;
      if (is_drained) Fail(absl::StrCat(task.second, " runs on an agent that is drained"));
      bool is_held = false;
      for (const auto& [number, held] : agent->tasks) {
        is_held = is_held || (held->id().value() == task.second && held->holds_resources);
      }
      const auto ending = agent->ending.find({FrameworkId(task.first), TaskId(task.second)});
      is_held = is_held || (ending != agent->ending.end() && !ending->second.resources.empty());
      if (is_held) continue;
      unknown += execution.resources;
      absl::StrAppend(&names, " ", task.second);
    }
    // By amounts: what was free has perhaps been reserved since.
    if (unknown.empty() || agent->record.Free().Contains(unknown.Quantities())) continue;
    Fail(absl::StrCat(node, " has given away what still runs on ", agent->record.id.value(), ":",
                      names));
  }
}

void Ledger::OnExecuted(const std::string& machine, const containerizer::v1::LaunchSpec& spec) {
  const TaskKey key(spec.labels().framework_id(), spec.labels().task_id());
  Execution execution;
  execution.machine = machine;
  execution.task = key;
  execution.container = spec.container_id();
  for (const auto& variable : spec.environment()) {
    if (variable.name() == "MEROS_AGENT_ID") execution.agent_id = variable.value();
  }
  const auto parsed = resources::ParseResources(
      absl::StrCat("cpus:", static_cast<double>(spec.resources().cpu_request_millis()) / 1000,
                   ";mem:", spec.resources().memory_request_bytes() >> 20));
  execution.resources = *parsed;
  const auto stream = streams_.find(key);
  if (stream != streams_.end() && stream->second.end != v1::TASK_STAGING) {
    Fail(absl::StrCat("task ", key.second, " is executed on ", machine, " though it was reported ",
                      v1::TaskState_Name(stream->second.end)));
  }
  task_of_container_[spec.container_id()] = key;
  if (!executions_.emplace(key, std::move(execution)).second) {
    Fail(absl::StrCat("task ", key.second, " is executed twice, now on ", machine));
  }
}

void Ledger::OnProcessEnded(const std::string& container) {
  const auto found = task_of_container_.find(container);
  if (found != task_of_container_.end()) executions_.at(found->second).is_alive = false;
}

bool Ledger::IsAlive(const std::string& container) const {
  const auto found = task_of_container_.find(container);
  return found != task_of_container_.end() && executions_.at(found->second).is_alive;
}

void Ledger::OnAgentUpdate(const std::string& node, const agent_link::v1::StatusUpdate& update) {
  const v1::TaskStatus& status = update.status();
  const TaskKey key(update.framework_id(), status.task_id().value());
  if (tasks::IsTerminal(status.state())) {
    const auto execution = executions_.find(key);
    if (execution != executions_.end() && execution->second.is_alive) {
      Fail(absl::StrCat(node, " reports the end of ", key.second, ", which still runs on ",
                        execution->second.machine));
    }
  }
  Sometimes<"the end of a task is told ahead of its turn">(update.is_ahead());
  // An end that is told ahead is for the master alone; it comes again in its turn.
  if (update.is_ahead()) {
    streams_[key].ahead = status.state();
  } else {
    OnUpdateInTurn(node, key, status);
  }
}

void Ledger::OnUpdateInTurn(const std::string& node, const TaskKey& key,
                            const v1::TaskStatus& status) {
  Stream& stream = streams_[key];
  const bool is_repeated = status.uuid() == stream.last_uuid;
  Sometimes<"an update is sent again">(is_repeated);
  Sometimes<"an update is sent again though its acknowledgement was sent">(
      is_repeated && acknowledged_updates_.count(status.uuid()) > 0);
  if (is_repeated) return;
  // "I do not know this task" is on no disk: who forgot that it was asked says it anew.
  if (status.reason() == v1::TaskStatus::REASON_RECONCILIATION && stream.end == status.state()) {
    stream.last_uuid = status.uuid();
    return;
  }
  if (!stream.last_uuid.empty() && acknowledged_updates_.count(stream.last_uuid) == 0) {
    Fail(absl::StrCat(node, " sends the next update of ", key.second,
                      " before the one before it was acknowledged"));
  }
  if (stream.end != v1::TASK_STAGING) {
    Fail(absl::StrCat(node, " reports ", key.second, " ", v1::TaskState_Name(status.state()),
                      " after ", v1::TaskState_Name(stream.end)));
  }
  stream.last_uuid = status.uuid();
  if (tasks::IsTerminal(status.state())) stream.end = status.state();
}

void Ledger::OnAcknowledged(const std::string& framework,
                            const v1::scheduler::Call::Acknowledge& acknowledge) {
  acknowledged_updates_.insert(acknowledge.uuid());
}

void Ledger::CheckPeace(const TaskKey& key, const v1::TaskStatus& status) {
  const v1::TaskState state = status.state();
  const bool is_lost = state == v1::TASK_LOST || state == v1::TASK_UNREACHABLE ||
                       state == v1::TASK_DROPPED || state == v1::TASK_GONE;
  const auto execution = executions_.find(key);
  if (!is_peace_ || !is_lost || execution == executions_.end()) return;
  if (!execution->second.is_alive) return;
  Fail(absl::StrCat("a framework hears that ", key.second, " is ", v1::TaskState_Name(state),
                    " while it runs and nothing is wrong: ", status.message()));
}

void Ledger::OnSchedulerStarts(const std::string& framework) {
  auto first = ends_told_.lower_bound({framework, ""});
  while (first != ends_told_.end() && first->first == framework) first = ends_told_.erase(first);
}

void Ledger::CheckToldOnce(const TaskKey& key, const v1::TaskStatus& status) {
  const v1::TaskState state = status.state();
  // Other ends are masters' guesses, which agents may prove wrong.
  const bool is_known =
      state == v1::TASK_FINISHED || state == v1::TASK_FAILED || state == v1::TASK_KILLED;
  if (!is_known || ends_told_.insert(key).second) return;
  Fail(absl::StrCat("a scheduler hears twice that ", key.second,
                    " has ended: ", v1::TaskState_Name(state), " ", status.message()));
}

void Ledger::OnDelivered(const std::string& framework, const v1::TaskStatus& status) {
  CheckPeace({framework, status.task_id().value()}, status);
  CheckToldOnce({framework, status.task_id().value()}, status);
  if (status.uuid().empty()) return;
  const TaskKey key(framework, status.task_id().value());
  const auto stream = streams_.find(key);
  const v1::TaskState said = stream == streams_.end() ? v1::TASK_STAGING : stream->second.end;
  const bool is_end = tasks::IsTerminal(status.state());
  // An agent that leaves for good may have told an end ahead, or in a report, and not in its turn:
  // the master tells it then.
  const auto execution = executions_.find(key);
  const bool is_over = execution == executions_.end()
                           ? stream != streams_.end() && stream->second.ahead == status.state()
                           : !execution->second.is_alive;
  if (is_end && said == v1::TASK_STAGING && is_over) return;
  if (stream == streams_.end()) {
    return Fail(absl::StrCat("an update of ", key.second, " that no agent sent"));
  }
  if (is_end && status.state() != said) {
    Fail(absl::StrCat("a framework hears that ", key.second, " is ",
                      v1::TaskState_Name(status.state()), ", its agent said ",
                      v1::TaskState_Name(said)));
  }
}

}  // namespace meros::simulation
