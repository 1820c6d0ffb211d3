// How a service that has too much to do tells a client when to come again: a RESOURCE_EXHAUSTED
// whose message ends in "retry after N ms". The one place that writes and reads that form.
//
// Thread rule: thread-safe.
#pragma once

#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace meros {

// "WHY; retry after N ms", N rounded up.
absl::Status RetryLaterError(absl::string_view why, absl::Duration wait);

// The hint in a status; nothing for any other status.
std::optional<absl::Duration> RetryAfter(const absl::Status& status);

}  // namespace meros
