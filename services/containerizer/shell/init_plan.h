// From a LaunchSpec to what meros-init understands.
//
// Thread rule: thread-safe.
#pragma once

#include "absl/status/statusor.h"
#include "libs/linux/process.h"
#include "meros/containerizer/v1/containerizer.pb.h"
#include "services/containerizer/init/init_request.h"

namespace meros::containerizer {

// Command, environment, user and resource limits, that on open files being `open_files` where the
// spec has none; namespaces are added by their isolator.
// REQUIRES: ValidateLaunch(spec).ok().
// ERRORS: as ResolveUser().
absl::StatusOr<InitRequest> MakeInitRequest(const v1::LaunchSpec& spec,
                                            const os::OpenFilesLimit& open_files);

}  // namespace meros::containerizer
