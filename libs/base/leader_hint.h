// How a follower tells a client where the leader is: a FAILED_PRECONDITION whose message ends in
// "leader=HOST:PORT". The one place that writes and reads that form.
//
// Thread rule: thread-safe.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace meros {

// "this master does not lead; leader=HOST:PORT", or without the hint when `leader` is empty.
absl::Status NotLeadingError(absl::string_view leader);

// The hint in a status; nothing for any other status.
std::optional<std::string> LeaderHint(const absl::Status& status);

}  // namespace meros
