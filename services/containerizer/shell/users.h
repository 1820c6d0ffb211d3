// Whom a command runs as, from the system's user database.
//
// Thread rule: thread-safe. May block: the database may be on the network.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "services/containerizer/init/init_request.h"

namespace meros::containerizer {

// Ids and groups of user `name`; nothing when it is empty or the user that we run as already.
// ERRORS: NotFound (no such user), PermissionDenied (another user, and we are not root).
absl::StatusOr<std::optional<InitUser>> ResolveUser(const std::string& name);

}  // namespace meros::containerizer
