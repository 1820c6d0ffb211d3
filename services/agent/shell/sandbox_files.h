// Reading files in sandboxes. Every path is resolved below the sandbox's directory: neither ".."
// nor a symbolic link that a task has planted leads out of it.
//
// Thread rule: thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "libs/linux/unique_fd.h"
#include "meros/v1/agent/agent_service.pb.h"

namespace meros::agent {

inline constexpr uint64_t kReadBytesMax = 1 << 20;
inline constexpr int kBrowseEntriesMax = 10000;
inline constexpr size_t kSandboxPathBytesMax = 4096;

// A regular file for reading. Never blocks on a pipe.
// ERRORS: NotFound; InvalidArgument (the path leaves the sandbox or is too long);
// FailedPrecondition (not a regular file).
absl::StatusOr<os::UniqueFd> OpenSandboxFile(const std::string& sandbox, const std::string& path);

// ERRORS: as OpenSandboxFile.
absl::StatusOr<v1::agent::ReadFileResponse> ReadSandboxFile(const std::string& sandbox,
                                                            const std::string& path,
                                                            uint64_t offset, uint64_t length);

// ERRORS: as OpenSandboxFile; FailedPrecondition when it is no directory.
absl::StatusOr<v1::agent::BrowseFilesResponse> BrowseSandbox(const std::string& sandbox,
                                                             const std::string& path);

// At most `bytes_max` bytes from `offset`; fewer only at the end of the file.
absl::StatusOr<std::string> ReadAt(int fd, uint64_t offset, uint64_t bytes_max);

}  // namespace meros::agent
