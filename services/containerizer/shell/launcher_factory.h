// Chooses how containers are run on this machine.
//
// Thread rule: thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/linux/cgroups.h"
#include "libs/linux/fd_watcher.h"
#include "meros/containerizer/v1/containerizer.pb.h"
#include "services/containerizer/shell/isolator.h"

namespace meros::containerizer {

// What a launcher is made of.
struct Isolation {
  v1::Launcher kind = v1::LAUNCHER_UNSPECIFIED;
  std::string why;                                   // for the log: why it is not linux; else empty
  os::UniqueFd cgroups_claim;                        // keeps others out of our cgroup root
  std::unique_ptr<os::Cgroups> cgroups;              // must outlive the isolators
  std::vector<std::unique_ptr<Isolator>> isolators;  // in the order of setting up
};

// `wanted` is "auto", "linux" or "posix". "auto" takes linux where we are root and the kernel
// offers the controllers, else posix. `watcher` must outlive the result.
// ERRORS: FailedPrecondition when linux is demanded and not possible, or another containerizer has
// the cgroup root; InvalidArgument (`wanted`).
absl::StatusOr<Isolation> ChooseIsolation(const std::string& wanted,
                                          const std::string& cgroups_root, os::FdWatcher* watcher);

}  // namespace meros::containerizer
