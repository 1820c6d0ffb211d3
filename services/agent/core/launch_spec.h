// From a task to the container that runs it.
//
// Thread rule: pure functions; thread-safe.
#pragma once

#include <string>

#include "libs/base/ids.h"
#include "meros/containerizer/v1/containerizer.pb.h"
#include "services/agent/core/options.h"
#include "services/agent/core/task.h"

namespace meros::agent {

// `<work_dir>/agents/A/frameworks/F/tasks/T/runs/C`: never used twice, so nothing has to wait for
// the deletion of an older run.
std::string SandboxDirectory(const std::string& work_dir, const AgentId& agent, const TaskKey& task,
                             const ContainerId& container);

// The user a task runs as; empty: the agent's own.
std::string UserOf(const AgentOptions& options, const v1::TaskInfo& task,
                   const v1::FrameworkInfo& framework);

// REQUIRES: the task was accepted (launch_refusal.h); its info, resources, container and sandbox
// are there.
containerizer::v1::LaunchSpec LaunchSpecOf(const AgentOptions& options, const AgentId& agent,
                                           const Task& task, const v1::FrameworkInfo& framework);

}  // namespace meros::agent
