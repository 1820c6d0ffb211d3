// How old a sandbox may become before it is deleted, by how full its disk is.
//
// Thread rule: pure functions; thread-safe.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace meros::agent {

// `gc_delay` on an empty disk, nothing when less than `headroom` (0 to 1) of it is free:
// gc_delay * max(0, 1 - headroom - usage), as in Mesos.
absl::Duration AllowedAge(absl::Duration gc_delay, double headroom, double usage);

// The used part of the file system that holds `path`, 0 to 1.
// ERRORS: by errno.
absl::StatusOr<double> DiskUsage(const std::string& path);

}  // namespace meros::agent
