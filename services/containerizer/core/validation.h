// What a request must look like before anything is done about it. Messages name the field.
//
// Thread rule: thread-safe, pure functions.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "meros/containerizer/v1/containerizer.pb.h"

namespace meros::containerizer {

// Longest container id, bytes: file name limit less room for suffixes (Mesos keeps to the same
// number).
inline constexpr size_t kContainerIdBytesMax = 242;

// Environment and arguments together: half of what execve of Linux takes with the usual 8 MiB
// stack.
inline constexpr size_t kCommandBytesMax = 1 << 20;

// ERRORS (all): InvalidArgument.
absl::Status ValidateContainerId(absl::string_view id);
absl::Status ValidateResources(const v1::ContainerResources& resources);
absl::Status ValidateLaunch(const v1::LaunchSpec& spec);

// Signals that can be handed to a command: 1 to 64 without SIGSTOP, which would stop meros-init
// instead, and the two that libc keeps for itself.
absl::Status ValidateSignal(uint32_t signal);

}  // namespace meros::containerizer
