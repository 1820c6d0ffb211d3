// Making a path ready to listen on: what a killed process left behind is replaced, anything else in
// the way is a clear error.
//
// Thread rule: thread-safe.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace meros::rpc {

// Longest path of a unix socket, bytes: sizeof(sockaddr_un::sun_path) less the final zero (unix(7)).
inline constexpr size_t kUnixPathBytesMax = 107;

// Removes a stale socket at `path`; nothing there is fine.
// ERRORS: InvalidArgument (too long, relative, or something that is not a socket, such as a
// directory), AlreadyExists (a live process listens there), NotFound (no such parent directory),
// PermissionDenied.
absl::Status PrepareUnixSocket(const std::string& path);

}  // namespace meros::rpc
