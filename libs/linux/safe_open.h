// Opening paths that a user names. Every such path is resolved by openat2(2) below a directory that
// we chose, so that neither ".." nor a symbolic link planted in a sandbox leads out of it, even
// while somebody swaps path components under our hands.
//
// Thread rule: thread-safe.
#pragma once

#include <sys/types.h>

#include <string>

#include "absl/status/statusor.h"
#include "libs/linux/unique_fd.h"

namespace meros::os {

// How symbolic links inside the directory are treated.
enum class Links {
  kRefuse,         // none may be on the path (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS)
  kResolveInRoot,  // followed as if the directory were "/" (RESOLVE_IN_ROOT)
};

// Opens `path`, relative to `directory_fd`. `flags` as of open(2); O_CLOEXEC is added. Parents are
// not created.
// ERRORS: PermissionDenied when the path leads out or meets a refused link; else by errno.
absl::StatusOr<UniqueFd> OpenBeneath(int directory_fd, const std::string& path, int flags,
                                     mode_t mode, Links links);

// Opens a file for appending as container output: creates it with mode 0644 when absent, refuses
// everything that is no regular file and never blocks on a pipe.
absl::StatusOr<UniqueFd> OpenForAppend(int directory_fd, const std::string& path);

}  // namespace meros::os
