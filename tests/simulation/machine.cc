#include "tests/simulation/machine.h"

#include <csignal>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/check.h"

namespace meros::simulation {
namespace {

// As waitpid(2) says it.
int Exited(int code) { return code << 8; }
int Signaled(int signal) { return signal; }

}  // namespace

std::string Behaviour::ToCommand() const {
  return absl::StrCat("run ", absl::ToInt64Milliseconds(run), " exit ", exit_code, " oom ",
                      runs_out_of_memory ? 1 : 0, " stubborn ", is_stubborn ? 1 : 0);
}

Behaviour Behaviour::FromCommand(const std::string& command) {
  const std::vector<std::string> words = absl::StrSplit(command, ' ');
  MEROS_CHECK(words.size() == 8) << command;
  const auto number = [&](size_t at) {
    int64_t value = 0;
    MEROS_CHECK(absl::SimpleAtoi(words[at], &value)) << command;
    return value;
  };
  return {.run = absl::Milliseconds(number(1)),
          .exit_code = static_cast<int>(number(3)),
          .runs_out_of_memory = number(5) != 0,
          .is_stubborn = number(7) != 0};
}

Machine::Machine(std::string name, World* world, Ledger* ledger)
    : name_(std::move(name)), world_(*world), ledger_(*ledger) {}

const Machine::Process* Machine::Find(const std::string& id) const {
  const auto found = processes_.find(id);
  return found == processes_.end() ? nullptr : &found->second;
}

void Machine::CreateProcess(const containerizer::v1::LaunchSpec& spec) {
  Process process;
  process.spec = spec;
  process.pid = ++last_pid_;
  const bool is_new = processes_.emplace(spec.container_id(), std::move(process)).second;
  if (!is_new) ledger_.Fail(absl::StrCat("container ", spec.container_id(), " has two processes"));
}

void Machine::LetGo(const std::string& id) {
  Process& process = processes_.at(id);
  MEROS_CHECK(process.is_alive && !process.is_let_go) << id;
  process.is_let_go = true;
  process.started_at_ns = absl::ToUnixNanos(world_.Now());
  ledger_.OnExecuted(name_, process.spec);
  const Behaviour behaviour = Behaviour::FromCommand(process.spec.command().value());
  world_.events().After(behaviour.run, [this, id, pid = process.pid, behaviour] {
    const Process* const found = Find(id);
    if (found == nullptr || found->pid != pid || !found->is_alive) return;
    if (behaviour.runs_out_of_memory) return End(id, Signaled(SIGKILL), true);
    End(id, Exited(behaviour.exit_code), false);
  });
}

void Machine::Terminate(const std::string& id) {
  const Process* const process = Find(id);
  if (process == nullptr || !process->is_alive) return;
  if (Behaviour::FromCommand(process->spec.command().value()).is_stubborn) return;
  End(id, Signaled(SIGTERM), false);
}

void Machine::Kill(const std::string& id) {
  const Process* const process = Find(id);
  if (process != nullptr && process->is_alive) End(id, Signaled(SIGKILL), false);
}

void Machine::End(const std::string& id, int wait_status, bool ran_out_of_memory) {
  Process& process = processes_.at(id);
  process.is_alive = false;
  process.ended_at_ns = absl::ToUnixNanos(world_.Now());
  if (process.is_let_go) {
    process.wait_status = wait_status;
    ledger_.OnProcessEnded(process.spec.container_id());
  }
  process.oom_kills = ran_out_of_memory ? 1 : 0;
  if (watcher_ != nullptr) watcher_(id, ran_out_of_memory);
}

void Machine::EndOrphanedInits() {
  for (auto& [id, process] : processes_) {
    if (!process.is_let_go) process.is_alive = false;
  }
}

void Machine::Reboot(Rng* rng) {
  watcher_ = nullptr;
  for (auto& [id, process] : processes_) {
    if (process.is_alive && process.is_let_go) ledger_.OnProcessEnded(id);
  }
  processes_.clear();
  for (auto record = records_.begin(); record != records_.end();) {
    const bool is_lost = !record->second.termination.has_value() && rng->Chance(0.5);
    record = is_lost ? records_.erase(record) : std::next(record);
  }
  boot_id_ = absl::StrCat("boot-", ++boots_);
}

void Machine::CleanUp(const std::string& id) {
  const auto found = processes_.find(id);
  if (found == processes_.end()) return;
  MEROS_CHECK(!found->second.is_alive) << "clean-up of a living container " << id;
  processes_.erase(found);
}

}  // namespace meros::simulation
