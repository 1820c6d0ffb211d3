// The "did you mean" of error messages.
//
// Thread rule: immutable.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace meros::config {

// The name of `known` that needs the fewest edits to become `name`, dashes and case aside; the
// first of several. Empty when none is near: more than a third of the letters, and more than two,
// differ.
// Cost: O(total length of known x length of name).
std::string NearestName(absl::string_view name, const std::vector<std::string>& known);

}  // namespace meros::config
