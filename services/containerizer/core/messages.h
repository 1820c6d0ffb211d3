// What goes into the containerizer's core and what comes out of it. Messages of the protocol travel
// as payload (docs/adr/0002).
//
// Thread rule: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "libs/base/ids.h"
#include "libs/runtime/tick.h"
#include "meros/containerizer/v1/containerizer.pb.h"

namespace meros::containerizer {

// What is known about a container once all its processes are gone.
struct EndFacts {
  std::optional<int> wait_status;  // of the command, as of waitpid(2); nothing when it left none
  int64_t ended_at_ns = 0;         // as meros-init noted it; 0: not known
  uint64_t oom_kills = 0;          // by the kernel, in this container
  uint64_t forks_refused = 0;      // at the pids limit
  uint64_t memory_peak_bytes = 0;  // 0: not measured
};

// ---- Inputs ----

struct StreamOpened {
  StreamId stream = 0;
};
struct StreamClosed {
  StreamId stream = 0;
};
struct RequestReceived {
  StreamId stream = 0;
  v1::Request request;
};

// A container that the shell found in the runtime directory. The first input is a Recovered.
struct RecoveredContainer {
  enum class Phase {
    kRecorded,    // no process was ever let go: the start can be done again
    kRunning,     // adopted and watched
    kEnded,       // was let go; its process is gone
    kTerminated,  // its termination is stored; what it left may not be cleaned up yet
  };
  Phase phase = Phase::kRecorded;
  v1::LaunchSpec spec;
  bool isolated = false;
  uint32_t pid = 0;             // kRunning, kEnded
  int64_t started_at_ns = 0;    // kRunning, kEnded; 0 when the command was never executed
  v1::Termination termination;  // kTerminated
};
struct Recovered {
  std::vector<RecoveredContainer> containers;
};

// Answers to effects; each effect is answered by exactly one of them.
struct LaunchRecorded {
  ContainerId id;
  absl::Status status;
};
struct StartFinished {
  ContainerId id;
  absl::Status status;  // not OK: the command is not running; what was set up is torn down later
  uint32_t pid = 0;
  int64_t started_at_ns = 0;
};
struct KillFinished {
  ContainerId id;
  absl::Status status;  // OK: no process is left
  EndFacts facts;
};
struct TerminationStored {
  ContainerId id;
  absl::Status status;
};
struct CleanUpFinished {
  ContainerId id;
  absl::Status status;
};
struct UpdateFinished {
  ContainerId id;
  absl::Status status;
  v1::ContainerResources resources;
  StreamId stream = 0;
  uint64_t request_id = 0;
};
struct RecordsRemoved {
  ContainerId id;
  absl::Status status;
};

// Happened by themselves. They may come late or twice.
struct ProcessEnded {
  ContainerId id;
};
struct MemoryLimitHit {
  ContainerId id;
};

using Input =
    std::variant<runtime::Tick, StreamOpened, StreamClosed, RequestReceived, Recovered,
                 LaunchRecorded, StartFinished, KillFinished, TerminationStored, CleanUpFinished,
                 UpdateFinished, RecordsRemoved, ProcessEnded, MemoryLimitHit>;

// ---- Effects. Those of one container are carried out one after another, in this order. ----

// Writes the launch record. Answer: LaunchRecorded.
struct RecordLaunch {
  v1::LaunchSpec spec;
};
// Sets up isolation and executes the command; sweeps away what an interrupted start left. Answer:
// StartFinished.
struct StartContainer {
  v1::LaunchSpec spec;
};
// Hands a signal to the command. No answer.
struct SignalContainer {
  ContainerId id;
  int signal = 0;
};
// Kills all processes, waits for their ends and collects the facts. Answer: KillFinished.
struct KillContainer {
  ContainerId id;
};
// Answer: TerminationStored, once it is durable.
struct StoreTermination {
  ContainerId id;
  v1::Termination termination;
};
// Takes down what a start had set up. Answer: CleanUpFinished.
struct CleanUpContainer {
  ContainerId id;
};
// Puts new limits in force and records them. Answer: UpdateFinished.
struct UpdateResources {
  ContainerId id;
  v1::LaunchSpec spec;  // with the new resources
  StreamId stream = 0;
  uint64_t request_id = 0;
};
// Reads usage and sends it to the client. No answer.
struct ReadUsage {
  ContainerId id;
  StreamId stream = 0;
  uint64_t request_id = 0;
};
// Deletes what is on disk about a container. Answer: RecordsRemoved.
struct RemoveRecords {
  ContainerId id;
};
// Sends an answer or an event to a client.
struct Send {
  StreamId stream = 0;
  v1::Response response;
};

using Effect =
    std::variant<RecordLaunch, StartContainer, SignalContainer, KillContainer, StoreTermination,
                 CleanUpContainer, UpdateResources, ReadUsage, RemoveRecords, Send>;

}  // namespace meros::containerizer
