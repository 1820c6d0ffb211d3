#include "cli/role_tree.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "cli/amounts.h"
#include "cli/format.h"

namespace meros::cli {
namespace {

using meros::v1::master::RoleView;

// "  web" for "eng/web".
std::string Indented(const std::string& role) {
  const std::vector<std::string> parts = absl::StrSplit(role, '/');
  return absl::StrCat(std::string(2 * (parts.size() - 1), ' '), parts.back());
}

std::string Share(const RoleView& role) {
  if (role.share() == 0) return "0%";
  return absl::StrFormat("%.1f%% %s", role.share() * 100, role.dominant_resource());
}

std::string Priority(const RoleView& role) {
  return absl::StrCat(role.config().priority(), role.config().preemptible() ? " preemptible" : "");
}

std::vector<std::string> Row(const RoleView& role) {
  return {Indented(role.role()),
          Number(role.weight()),
          Priority(role),
          Share(role),
          AmountsText(AmountsOf(role.config().guarantees())),
          AmountsText(AmountsOf(role.config().limits())),
          AmountsText(AmountsOf(role.used())),
          AmountsText(AmountsOf(role.offered())),
          AmountsText(AmountsOf(role.consumed())),
          absl::StrCat(role.frameworks_size())};
}

}  // namespace

std::string RoleTable(const meros::v1::master::ListRolesResponse& response) {
  std::vector<const RoleView*> roles;
  for (const RoleView& role : response.roles()) roles.push_back(&role);
  // By path, not by text: '/' comes before every other character, so that sub-roles follow their
  // parent.
  std::sort(roles.begin(), roles.end(), [](const RoleView* a, const RoleView* b) {
    const std::vector<std::string> left = absl::StrSplit(a->role(), '/');
    const std::vector<std::string> right = absl::StrSplit(b->role(), '/');
    return left < right;
  });
  Table table({"ROLE", "WEIGHT", "PRIORITY", "SHARE", "GUARANTEE", "LIMIT", "USED", "OFFERED",
               "CONSUMED", "FRAMEWORKS"});
  for (const RoleView* role : roles) table.Add(Row(*role));
  return table.Print();
}

}  // namespace meros::cli
