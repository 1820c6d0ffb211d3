// What the agent's core wants done, in the order in which it wants it done.
//
// The one rule of durability: an effect with `after` = n must not happen before every Persist with
// a token up to n is durable. The core stamps everything that leaves the agent with the newest
// token at that moment, so nobody ever sees anything that a crash could make the agent forget.
// Tokens grow, so the shell needs one queue and one watermark. `after` = 0 means at once, ahead of
// what waits: the heartbeat, and stopping a container that is known to exist, must work with a full
// disk.
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
#include "meros/agent_link/v1/agent_link.pb.h"
#include "meros/containerizer/v1/containerizer.pb.h"
#include "services/agent/core/agent_state.h"
#include "services/agent/core/volumes.h"

namespace meros::agent {

// Names a Persist; grows by one, 0 = nothing.
using PersistToken = uint64_t;

// Numbers a stream to the containerizer, 0 = none.
using SessionId = uint64_t;

// One record of the store: written, or erased when `value` is absent.
struct RecordWrite {
  std::string key;
  std::optional<std::string> value;
};

// Make these durable, all or none. At most one per step, ahead of the step's other effects.
struct Persist {
  PersistToken token = 0;
  std::vector<RecordWrite> writes;  // ordered by key, unique
};

// Create this directory, owned by `user` (empty: the agent's own), with a link to each volume,
// which then belongs to `user` too. Answered by SandboxPrepared. Happens after all ChangeVolumes
// that were emitted before.
struct PrepareSandbox {
  ContainerId container;
  std::string directory;
  std::string user;
  std::vector<VolumeLink> volumes = {};
  PersistToken after = 0;
};

// Delete these directories with all they hold, and make those. Answered by VolumesChanged.
// Repeatable: what is gone or there already is as it should be.
struct ChangeVolumes {
  PersistToken after = 0;
  std::string operation_uuid;
  std::vector<VolumeDirectory> destroy;
  std::vector<VolumeDirectory> create;
};

// The directory will not be used again: delete it when the retention time is over.
struct DiscardSandbox {
  std::string directory;
};

// After recovery: every sandbox on disk but these is discarded.
struct SweepSandboxes {
  std::vector<std::string> keep;
};

// Send to the containerizer, if this session still lives.
struct ToContainerizer {
  PersistToken after = 0;
  SessionId session = 0;
  containerizer::v1::Request request;
};

// Find the leading master and open a stream to it, trying for ever. Answered by LinkUp.
struct OpenLink {};

// Send to the master, if this stream still lives.
struct ToMaster {
  PersistToken after = 0;
  StreamId stream = 0;
  agent_link::v1::AgentMessage message;
};

struct CloseLink {
  StreamId stream = 0;
  absl::Status reason;
};

// The agent's own state has changed, for health and metrics.
struct StateChanged {
  AgentState state = AgentState::kRecovering;
};

// What is counted; the shell has a metric for each.
enum class Counter {
  kTaskLaunched,
  kTaskRefused,
  kTaskFinished,
  kTaskFailed,
  kTaskKilled,
  kTaskLost,  // dropped and lost
  kUpdateForwarded,
  kUpdateRetried,
  kAckAccepted,
  kAckIgnored,  // duplicate, not the front, or of an unknown task
  kMessageIgnored,
  kContainerLaunchError,
  kOrphanDestroyed,
  kRegistration,
  kRecoveryError,
  kOperationFinished,
  kOperationFailed,  // refused, too
  kLast = kOperationFailed,
};

struct Count {
  Counter what;
};

// A line for the log.
struct Notice {
  enum class Severity { kInfo, kWarning, kError };
  Severity severity = Severity::kInfo;
  std::string text;
};

// The process has nothing left to do. OK: it was told to leave.
struct Exit {
  PersistToken after = 0;
  absl::Status reason;
};

using Effect =
    std::variant<Persist, PrepareSandbox, ChangeVolumes, DiscardSandbox, SweepSandboxes,
                 ToContainerizer, OpenLink, ToMaster, CloseLink, StateChanged, Count, Notice, Exit>;

}  // namespace meros::agent
