// The isolators there are. Those that take `cgroups` work on cgroup v1 and v2 alike; it must
// outlive them.
//
// Thread rule: thread-safe functions.
#pragma once

#include <memory>

#include "libs/linux/cgroups.h"
#include "libs/linux/fd_watcher.h"
#include "services/containerizer/shell/isolator.h"

namespace meros::containerizer {

// A cgroup per container, named by its id; where its processes live and are killed. First in order,
// because the other cgroup isolators write into what it creates.
std::unique_ptr<Isolator> MakeMembershipIsolator(os::Cgroups* cgroups);

// Cpu shares and quota.
std::unique_ptr<Isolator> MakeCpuIsolator(os::Cgroups* cgroups);

// Memory limit, and what happens when it is hit. `watcher` must outlive it.
std::unique_ptr<Isolator> MakeMemoryIsolator(os::Cgroups* cgroups, os::FdWatcher* watcher);

// Number of processes and threads.
std::unique_ptr<Isolator> MakePidsIsolator(os::Cgroups* cgroups);

// pid, mount, ipc and uts namespaces.
std::unique_ptr<Isolator> MakeNamespacesIsolator();

}  // namespace meros::containerizer
