// Fault domains as they are configured: "REGION/ZONE".
//
// Thread rule: pure functions; thread-safe.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "meros/v1/common.pb.h"

namespace meros::wire {

// Of 1 to 255 bytes each, printable, without '/'. "" is no domain.
// ERRORS: InvalidArgument saying what is wrong.
absl::StatusOr<v1::DomainInfo> FaultDomainFromText(absl::string_view text);

}  // namespace meros::wire
