// What happens to an agent's core.
//
// Thread rule: values.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/base/ids.h"
#include "libs/resources/resources.h"
#include "libs/resources/scalar.h"
#include "libs/runtime/tick.h"
#include "meros/agent_link/v1/agent_link.pb.h"
#include "meros/containerizer/v1/containerizer.pb.h"
#include "services/agent/core/effects.h"

namespace meros::agent {

// The store's whole content, ordered by key. First input, exactly once.
struct Recovered {
  std::vector<std::pair<std::string, std::string>> records;
};

// A stream to the containerizer is open; the former one, if any, is gone.
struct ContainerizerUp {
  SessionId session = 0;
};

struct ContainerizerDown {
  SessionId session = 0;
  absl::Status reason;
};

struct ContainerizerSaid {
  SessionId session = 0;
  containerizer::v1::Response response;
};

// Answers PrepareSandbox.
struct SandboxPrepared {
  ContainerId container;
  absl::Status result;
};

// Answers ChangeVolumes.
struct VolumesChanged {
  std::string operation_uuid;
  absl::Status result;
};

// A stream to a master is open, as far as one can know before it has said anything.
struct LinkUp {
  StreamId stream = 0;
  std::string master;            // address, for people
  std::string lost_master = {};  // address of one that did not answer before; empty if none
};

struct LinkDown {
  StreamId stream = 0;
  absl::Status reason;
};

// What a task asks for, in model types.
struct TaskResources {
  resources::Scalar cpus;
  resources::Scalar mem;  // MiB
  // Absent: as the agent's options say. Scalar::Max(): no limit.
  std::optional<resources::Scalar> cpus_limit;
  std::optional<resources::Scalar> mem_limit;  // MiB
  // What of it is dynamically reserved or a volume; without allocation.
  resources::Resources checkpointed;
};

// A message from the master, validated as far as its parts go.
struct MasterSaid {
  StreamId stream = 0;
  agent_link::v1::MasterMessage message;
  // For run_tasks: one per task, in order; an error where the task does not pass validation.
  std::vector<absl::StatusOr<TaskResources>> task_resources;
};

using Input =
    std::variant<Recovered, ContainerizerUp, ContainerizerDown, ContainerizerSaid, SandboxPrepared,
                 VolumesChanged, LinkUp, LinkDown, MasterSaid, runtime::Tick>;

}  // namespace meros::agent
