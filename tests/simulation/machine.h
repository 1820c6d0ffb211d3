// The machine under an agent: the processes of its containers and what the containerizer wrote down
// about them. It outlives both services, save when it reboots.
//
// The command of a simulated task says what its process does (Behaviour); the sandbox and the
// processes' memory are not simulated.
//
// Thread rule: thread-compatible.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "libs/simulation/world.h"
#include "meros/containerizer/v1/containerizer.pb.h"
#include "tests/simulation/ledger.h"

namespace meros::simulation {

// What a process will do, written as its command: "run MILLISECONDS exit CODE oom BOOL stubborn
// BOOL".
struct Behaviour {
  absl::Duration run;
  int exit_code = 0;
  bool runs_out_of_memory = false;  // at the end of `run`, instead of exiting
  bool is_stubborn = false;         // ignores SIGTERM

  std::string ToCommand() const;
  static Behaviour FromCommand(const std::string& command);
};

class Machine {
 public:
  struct Process {
    containerizer::v1::LaunchSpec spec;
    uint32_t pid = 0;
    bool is_let_go = false;  // before that nothing of the task has run
    bool is_alive = true;
    int64_t started_at_ns = 0;
    int64_t ended_at_ns = 0;
    std::optional<int> wait_status;
    uint64_t oom_kills = 0;
  };
  // Files of the runtime directory; what a crash of the containerizer leaves.
  struct Record {
    containerizer::v1::LaunchSpec spec;
    bool has_process = false;  // the pid is written
    std::optional<containerizer::v1::Termination> termination;
  };
  // Told that a process has ended or was killed for memory. The present containerizer's.
  using Watcher = std::function<void(const std::string& id, bool ran_out_of_memory)>;

  Machine(std::string name, World* world, Ledger* ledger);

  // A meros-init that waits to be let go.
  void CreateProcess(const containerizer::v1::LaunchSpec& spec);
  // Executes the command. REQUIRES: the process lives and was not let go.
  void LetGo(const std::string& id);
  void Terminate(const std::string& id);  // SIGTERM
  void Kill(const std::string& id);       // SIGKILL; what has ended stays as it is
  // A meros-init that was not let go ends when its containerizer dies.
  void EndOrphanedInits();
  // Everything that ran is gone; of the runtime directory only synced terminations are certain.
  void Reboot(Rng* rng);

  const Process* Find(const std::string& id) const;
  const std::map<std::string, Process>& processes() const { return processes_; }
  std::map<std::string, Record>& records() { return records_; }
  const std::map<std::string, Record>& records() const { return records_; }
  const std::string& boot_id() const { return boot_id_; }
  const std::string& name() const { return name_; }
  void SetWatcher(Watcher watcher) { watcher_ = std::move(watcher); }
  // Forgets a process that has ended: its cgroups are gone.
  void CleanUp(const std::string& id);

 private:
  void End(const std::string& id, int wait_status, bool ran_out_of_memory);

  const std::string name_;
  World& world_;
  Ledger& ledger_;
  std::map<std::string, Process> processes_;
  std::map<std::string, Record> records_;
  std::string boot_id_ = "boot-1";
  uint64_t boots_ = 1;
  uint32_t last_pid_ = 0;
  Watcher watcher_;
};

}  // namespace meros::simulation
