#include "tests/simulation/containerizer_node.h"

#include <csignal>
#include <utility>

#include "absl/strings/str_cat.h"

namespace meros::simulation {
namespace {

using containerizer::ContainerizerCore;
namespace cv1 = containerizer::v1;

}  // namespace

ContainerizerNode::ContainerizerNode(NodeContext* context, Cluster* cluster, Machine* machine)
    : CoreNode(context, ContainerizerCore({.launcher = cv1::LAUNCHER_LINUX,
                                           .boot_id = machine->boot_id(),
                                           .isolates = true})),
      cluster_(*cluster),
      machine_(*machine),
      rng_(context->MakeRng("launcher")) {}

void ContainerizerNode::Start() {
  CoreNode::Start();
  machine_.EndOrphanedInits();
  // The context outlives the node.
  machine_.SetWatcher([this, own = &context()](const std::string& id, bool ran_out_of_memory) {
    if (!own->IsAlive() || !is_watched_[id]) return;
    context().After(absl::Milliseconds(1), [this, id, ran_out_of_memory] {
      if (ran_out_of_memory) Post(containerizer::MemoryLimitHit{ContainerId(id)});
      Post(containerizer::ProcessEnded{ContainerId(id)});
    });
  });
  Post(containerizer::Recovered{Recover()});
  for (const auto& [id, process] : machine_.processes()) {
    if (process.is_let_go) Watch(id);
  }
}

// As RecoverContainers of the production shell, on the machine's records.
std::vector<containerizer::RecoveredContainer> ContainerizerNode::Recover() {
  using Phase = containerizer::RecoveredContainer::Phase;
  std::vector<containerizer::RecoveredContainer> found;
  for (const auto& [id, record] : machine_.records()) {
    containerizer::RecoveredContainer container;
    container.spec = record.spec;
    container.isolated = true;
    const Machine::Process* const process = machine_.Find(id);
    if (record.termination.has_value()) {
      container.phase = Phase::kTerminated;
      container.termination = *record.termination;
    } else if (!record.has_process) {
      container.phase = Phase::kRecorded;
      machine_.Kill(id);
      machine_.CleanUp(id);
    } else {
      container.pid = process == nullptr ? 0 : process->pid;
      container.started_at_ns = process == nullptr ? 0 : process->started_at_ns;
      const bool runs = process != nullptr && process->is_alive && process->is_let_go;
      container.phase = runs ? Phase::kRunning : Phase::kEnded;
      Sometimes<"a restarted containerizer adopts a container">(runs);
    }
    found.push_back(std::move(container));
  }
  return found;
}

void ContainerizerNode::OnStreamOpen(ConnectionId id, const std::string&) {
  Post(containerizer::StreamOpened{id});
}

void ContainerizerNode::OnStreamMessage(ConnectionId id, const std::string& bytes) {
  cv1::Requests frame;
  if (!frame.ParseFromString(bytes)) return cluster_.ledger().Fail("a frame cannot be read");
  for (cv1::Request& request : *frame.mutable_requests()) {
    Post(containerizer::RequestReceived{id, std::move(request)});
  }
}

void ContainerizerNode::OnStreamClosed(ConnectionId id, const absl::Status&) {
  Post(containerizer::StreamClosed{id});
}

void ContainerizerNode::Enqueue(const std::string& id, Step step) {
  std::deque<Step>& steps = work_[id];
  steps.push_back(std::move(step));
  if (steps.size() == 1) RunNext(id);
}

void ContainerizerNode::RunNext(const std::string& id) {
  const bool is_slow = rng_.Chance(cluster_.shape().slow_container_chance);
  const absl::Duration time = UniformDuration(&rng_, absl::Microseconds(100),
                                              is_slow ? absl::Seconds(5) : absl::Milliseconds(5));
  context().After(time, [this, id] {
    const Step step = std::move(work_[id].front());
    step();
    work_[id].pop_front();
    if (work_[id].empty()) {
      work_.erase(id);
    } else {
      RunNext(id);
    }
  });
}

void ContainerizerNode::Watch(const std::string& id) {
  is_watched_[id] = true;
  const Machine::Process* const process = machine_.Find(id);
  if (process == nullptr || !process->is_alive) Post(containerizer::ProcessEnded{ContainerId(id)});
}

// Launcher::Start in three steps, between which the containerizer may die: everything stands, the
// pid is written, the command is let go.
void ContainerizerNode::Begin(const cv1::LaunchSpec& spec) {
  const std::string id = spec.container_id();
  Enqueue(id, [this, id, spec] {
    machine_.Kill(id);  // what an interrupted start has left
    machine_.CleanUp(id);
    if (rng_.Chance(cluster_.shape().launch_failure_chance)) {
      Sometimes<"a container cannot be started">(true);
      return Post(containerizer::StartFinished{ContainerId(id), absl::InternalError("no cgroup")});
    }
    machine_.CreateProcess(spec);
  });
  Enqueue(id, [this, id] {
    if (machine_.Find(id) != nullptr) machine_.records()[id].has_process = true;
  });
  Enqueue(id, [this, id] {
    const Machine::Process* const process = machine_.Find(id);
    if (process == nullptr) return;
    machine_.LetGo(id);
    Post(containerizer::StartFinished{ContainerId(id), {}, process->pid, process->started_at_ns});
    Watch(id);
  });
}

void ContainerizerNode::Kill(const ContainerId& id) {
  containerizer::KillFinished finished;
  finished.id = id;
  if (rng_.Chance(cluster_.shape().kill_failure_chance)) {
    Sometimes<"a container cannot be killed yet">(true);
    finished.status = absl::DeadlineExceededError("processes in uninterruptible sleep");
    return Post(std::move(finished));
  }
  machine_.Kill(id.value());
  if (const Machine::Process* const process = machine_.Find(id.value()); process != nullptr) {
    finished.facts.wait_status = process->wait_status;
    finished.facts.ended_at_ns = process->ended_at_ns;
    finished.facts.oom_kills = process->oom_kills;
  }
  Post(std::move(finished));
}

void ContainerizerNode::Apply(absl::Time, Effect effect) {
  if (auto* send = std::get_if<containerizer::Send>(&effect)) {
    *frames_.Of(send->stream)->add_responses() = std::move(send->response);
  } else if (auto* record = std::get_if<containerizer::RecordLaunch>(&effect)) {
    const std::string id = record->spec.container_id();
    Enqueue(id, [this, id, spec = record->spec] {
      machine_.records()[id] = {.spec = spec};
      Post(containerizer::LaunchRecorded{ContainerId(id), absl::OkStatus()});
    });
  } else if (auto* start = std::get_if<containerizer::StartContainer>(&effect)) {
    Begin(start->spec);
  } else if (auto* signal = std::get_if<containerizer::SignalContainer>(&effect)) {
    Enqueue(signal->id.value(), [this, id = signal->id.value(), number = signal->signal] {
      if (number == SIGTERM) machine_.Terminate(id);
      if (number == SIGKILL) machine_.Kill(id);
    });
  } else if (auto* kill = std::get_if<containerizer::KillContainer>(&effect)) {
    Enqueue(kill->id.value(), [this, id = kill->id] { Kill(id); });
  } else if (auto* store = std::get_if<containerizer::StoreTermination>(&effect)) {
    Enqueue(store->id.value(), [this, id = store->id, termination = store->termination] {
      machine_.records()[id.value()].termination = termination;
      Post(containerizer::TerminationStored{id, absl::OkStatus()});
    });
  } else if (auto* clean_up = std::get_if<containerizer::CleanUpContainer>(&effect)) {
    Enqueue(clean_up->id.value(), [this, id = clean_up->id] {
      machine_.CleanUp(id.value());
      Post(containerizer::CleanUpFinished{id, absl::OkStatus()});
    });
  } else if (auto* remove = std::get_if<containerizer::RemoveRecords>(&effect)) {
    Enqueue(remove->id.value(), [this, id = remove->id] {
      machine_.records().erase(id.value());
      Post(containerizer::RecordsRemoved{id, absl::OkStatus()});
    });
  }
}

void ContainerizerNode::OnBatchApplied(absl::Time) { (void)frames_.Flush(&context()); }

std::string ContainerizerNode::Describe(const Effect& effect) const {
  static constexpr const char* kNames[] = {"record",   "start",  "signal",     "kill",   "store",
                                           "clean up", "update", "read usage", "remove", "send"};
  std::string text = kNames[effect.index()];
  if (const auto* send = std::get_if<containerizer::Send>(&effect)) {
    absl::StrAppend(&text, " on ", send->stream);
  } else if (const auto* start = std::get_if<containerizer::StartContainer>(&effect)) {
    absl::StrAppend(&text, " ", start->spec.labels().task_id());
  }
  return text;
}

}  // namespace meros::simulation
