// The peer that our containers are measured against: crun, run once after another on the same
// machine in the same run, with the same namespaces, limits and command as ours.
//
// Thread rule: REQUIRES: the calling process has one thread, because it forks.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "tests/bench/report.h"

namespace meros::bench {

// What `n` times `crun run` of /bin/true took: create, start, wait and delete. Files go to
// `directory`. ERRORS: NotFound (crun is not installed), FailedPrecondition (not root),
// Internal (it failed).
absl::StatusOr<Samples> RunCrun(const std::string& directory, size_t n);

// Runs it and adds what it took to the report's notes, or why it could not be run.
void NoteCrun(const std::string& directory, size_t n, Report* report);

}  // namespace meros::bench
