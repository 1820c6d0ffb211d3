// What an agent runs, in short: when an agent comes back, it and its master compare digests before
// they compare tasks. Equal digests mean the same tasks in the same states, as far as 64 bits can
// say; both sides count with what they know, so that the order of tasks does not matter.
//
// The hash is part of the protocol between agent and master (HoldingsDigest of agent_link.proto):
// it never changes.
//
// Thread rule: value type; thread-compatible.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "meros/v1/task.pb.h"

namespace meros::tasks {

struct HoldingsDigest {
  uint64_t tasks = 0;
  uint64_t sum = 0;

  void Add(absl::string_view framework_id, absl::string_view task_id, v1::TaskState state);

  friend bool operator==(const HoldingsDigest&, const HoldingsDigest&) = default;
};

}  // namespace meros::tasks
