// Names of roles: "*", or components joined by '/', each level a descendant of the one before it
// ("eng/web" is a child of "eng").
//
// Thread rule: pure functions; thread-safe.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace meros::resources {

// The role of resources that nobody reserved, and the default role of frameworks.
inline constexpr absl::string_view kDefaultRole = "*";

// Longest role name accepted, in bytes.
inline constexpr size_t kMaxRoleBytes = 1024;

// Checks the rule for role names: "*", or a path whose components are not empty, not ".", ".." or
// "*", do not start with '-', and hold no white space and no control character.
// ERRORS: InvalidArgument naming the role and the broken part of the rule.
absl::Status ValidateRole(absl::string_view role);

// Strict: no role is its own ancestor. "*" has no descendants.
bool IsAncestorRole(absl::string_view ancestor, absl::string_view role);

// "eng" for "eng/web/a" and for "eng".
absl::string_view TopLevelRole(absl::string_view role);

// "eng/web" for "eng/web/a"; empty for a top-level role.
absl::string_view ParentRole(absl::string_view role);

// From the top down, without the role itself: {"eng", "eng/web"} for "eng/web/a".
std::vector<absl::string_view> AncestorRoles(absl::string_view role);

}  // namespace meros::resources
