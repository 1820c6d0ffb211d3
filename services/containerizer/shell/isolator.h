// One aspect of keeping a container apart from the rest of the node. The launcher calls isolators
// in a fixed order to set up and in the reverse order to take down; a new aspect is a new file in
// isolators/ and a line in launcher_factory.cc.
//
// Thread rule: thread-safe; for one container the calls come one after another.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "libs/linux/cgroups.h"
#include "meros/containerizer/v1/containerizer.pb.h"
#include "services/containerizer/core/messages.h"
#include "services/containerizer/init/init_request.h"

namespace meros::containerizer {

// What isolators contribute to the birth of a container.
struct LaunchPlan {
  InitRequest request;
  uint64_t clone_flags = 0;
  os::CgroupEntrance cgroup;
};

class Isolator {
 public:
  virtual ~Isolator() = default;

  // Before the process exists. What fails here, or later, is undone by CleanUp.
  virtual absl::Status Prepare(const v1::LaunchSpec& spec, LaunchPlan* plan) {
    return absl::OkStatus();
  }

  // Again after a restart of the containerizer, for a container that Prepare saw before it.
  virtual absl::Status Recover(const v1::LaunchSpec& spec) { return absl::OkStatus(); }

  // Calls `memory_limit_hit` at most once, on any thread, should that happen.
  virtual void Watch(const std::string& id, std::function<void()> memory_limit_hit) {}

  // Puts new limits in force.
  virtual absl::Status Update(const std::string& id, const v1::ContainerResources& resources) {
    return absl::OkStatus();
  }

  virtual void AddUsage(const std::string& id, v1::ContainerUsage* usage) {}

  // Kills what belongs to the container, without waiting for the deaths.
  virtual absl::Status Kill(const std::string& id) { return absl::OkStatus(); }

  // After all processes are gone, before CleanUp.
  virtual void AddFacts(const std::string& id, EndFacts* facts) {}

  // Takes down what Prepare has set up, however far it came. Idempotent.
  virtual absl::Status CleanUp(const std::string& id) { return absl::OkStatus(); }

  // Takes down what is left of containers that `is_known` does not know.
  virtual absl::Status SweepOrphans(const std::function<bool(const std::string& id)>& is_known) {
    return absl::OkStatus();
  }
};

}  // namespace meros::containerizer
