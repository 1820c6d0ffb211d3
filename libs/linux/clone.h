// clone3(2) for starting a program in namespaces and cgroups of its own.
//
// Thread rule: thread-safe.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/linux/unique_fd.h"

namespace meros::os {

struct SpawnOptions {
  // CLONE_NEW* flags.
  uint64_t namespaces = 0;

  // Directory of a cgroup v2 in which the child is born (CLONE_INTO_CGROUP); -1 for none.
  int into_cgroup_fd = -1;

  // `tasks` files of cgroup v1, opened for writing, which the child joins before anything else.
  // Joining oneself by writing "0" to `tasks` is the one way into a cgroup that does not wait for
  // an RCU grace period of the whole machine: measured here 0.08 ms for four hierarchies, where
  // writing the pid to cgroup.procs from outside takes 9 ms, at times 20.
  std::vector<int> join_tasks_fds;

  // What the program has as descriptors 0, 1, 2, ...; all others are closed. At most 16.
  std::vector<int> fds;

  // Absolute path of the program, and argv, which ends in a null pointer. The environment is empty.
  const char* program = nullptr;
  char* const* argv = nullptr;
};

struct SpawnedProcess {
  pid_t pid = 0;
  UniqueFd pidfd;
};

// Starts `options.program` with all signals blocked (it inherits a full mask and is expected to
// sort its signals out itself). Returns when the program is being executed.
// ERRORS: by errno of clone3; Internal when joining a cgroup or execve failed in the child.
absl::StatusOr<SpawnedProcess> Spawn(const SpawnOptions& options);

}  // namespace meros::os
