// The changes of meros simulate as they stand on its command line.
//
// ERRORS of all: InvalidArgument naming the value and what is allowed.
// Thread rule: pure functions; thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "libs/resources/quantities.h"

namespace meros::cli {

// "N" or "N:NAME=AMOUNT,...".
struct AddAgentsFlag {
  size_t count = 0;
  resources::ResourceQuantities each;  // empty: as those that are there
};
absl::StatusOr<AddAgentsFlag> ParseAddAgents(absl::string_view text);

// "ROLE:guarantee=NAME=AMOUNT,...:limit=NAME=AMOUNT,..."; either part may be absent and then stays
// as it is, and either may be "none".
struct SetQuotaFlag {
  std::string role;
  std::optional<resources::ResourceQuantities> guarantees;
  std::optional<resources::ResourceLimits> limits;
};
absl::StatusOr<SetQuotaFlag> ParseSetQuota(absl::string_view text);

// "ROLE=W".
struct SetWeightFlag {
  std::string role;
  double weight = 1;
};
absl::StatusOr<SetWeightFlag> ParseSetWeight(absl::string_view text);

}  // namespace meros::cli
