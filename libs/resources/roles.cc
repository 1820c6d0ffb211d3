#include "libs/resources/roles.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace meros::resources {
namespace {

// What is wrong with one component of a role's path; empty if nothing.
absl::string_view ComponentFault(absl::string_view component) {
  if (component.empty()) return "has an empty component";
  if (component == "." || component == "..") return "has '.' or '..' as a component";
  if (component == "*") return "has '*' as a component";
  if (component.front() == '-') return "has a component that starts with '-'";
  const bool is_clean = std::none_of(component.begin(), component.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return absl::ascii_isspace(byte) || absl::ascii_iscntrl(byte);
  });
  return is_clean ? "" : "holds white space or a control character";
}

}  // namespace

absl::Status ValidateRole(absl::string_view role) {
  if (role == kDefaultRole) return absl::OkStatus();
  if (role.empty()) return absl::InvalidArgumentError("role name is empty");
  if (role.size() > kMaxRoleBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "role name has ", role.size(), " bytes, at most ", kMaxRoleBytes, " are allowed"));
  }
  for (const absl::string_view component : absl::StrSplit(role, '/')) {
    const absl::string_view fault = ComponentFault(component);
    if (!fault.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("role name '", absl::CHexEscape(role), "' ", fault));
    }
  }
  return absl::OkStatus();
}

bool IsAncestorRole(absl::string_view ancestor, absl::string_view role) {
  return role.size() > ancestor.size() && role[ancestor.size()] == '/' &&
         absl::StartsWith(role, ancestor);
}

absl::string_view TopLevelRole(absl::string_view role) { return role.substr(0, role.find('/')); }

absl::string_view ParentRole(absl::string_view role) {
  const size_t slash = role.rfind('/');
  return slash == absl::string_view::npos ? absl::string_view() : role.substr(0, slash);
}

std::vector<absl::string_view> AncestorRoles(absl::string_view role) {
  std::vector<absl::string_view> ancestors;
  for (size_t slash = role.find('/'); slash != absl::string_view::npos;
       slash = role.find('/', slash + 1)) {
    ancestors.push_back(role.substr(0, slash));
  }
  return ancestors;
}

}  // namespace meros::resources
