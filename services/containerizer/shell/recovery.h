// Reading what a former containerizer left behind: which containers still run, which have ended
// meanwhile, which were being started or taken down.
//
// Thread rule: thread-safe; called once, before anything else happens.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "services/containerizer/core/messages.h"
#include "services/containerizer/shell/launcher.h"
#include "services/containerizer/shell/records.h"

namespace meros::containerizer {

// Adopts what runs, puts records aside that cannot be understood, and destroys cgroups of ours that
// belong to no container. Never gives up because of one container.
// ERRORS: only when the runtime directory cannot be read at all.
absl::StatusOr<std::vector<RecoveredContainer>> RecoverContainers(const std::string& boot_id,
                                                                  Records* records,
                                                                  Launcher* launcher);

}  // namespace meros::containerizer
