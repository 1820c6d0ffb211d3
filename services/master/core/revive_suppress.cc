#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/master/core/scheduler_calls.h"

namespace meros::master {
namespace {

// The roles meant, sorted: all if none is named.
absl::StatusOr<std::vector<std::string>> RolesMeant(const Framework& framework,
                                                    const std::vector<std::string>& named) {
  if (named.empty()) return framework.record.subscription.roles;
  std::vector<std::string> roles = named;
  std::sort(roles.begin(), roles.end());
  roles.erase(std::unique(roles.begin(), roles.end()), roles.end());
  for (const std::string& role : roles) {
    if (framework.record.subscription.HasRole(role)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("the framework is not subscribed to role ", role));
  }
  return roles;
}

}  // namespace

absl::Status HandleRevive(Transaction* tx, Framework* framework, const Revive& call) {
  absl::StatusOr<std::vector<std::string>> roles = RolesMeant(*framework, call.roles);
  if (!roles.ok()) return roles.status();
  std::vector<std::string>& suppressed = framework->record.subscription.suppressed_roles;
  std::vector<std::string> left;
  std::set_difference(suppressed.begin(), suppressed.end(), roles->begin(), roles->end(),
                      std::back_inserter(left));
  suppressed = std::move(left);
  tx->TellAllocator(ReviveDelta{framework->record.id, *std::move(roles)});
  tx->PublishFramework(*framework);
  return absl::OkStatus();
}

absl::Status HandleSuppress(Transaction* tx, Framework* framework, const Suppress& call) {
  absl::StatusOr<std::vector<std::string>> roles = RolesMeant(*framework, call.roles);
  if (!roles.ok()) return roles.status();
  std::vector<std::string>& suppressed = framework->record.subscription.suppressed_roles;
  std::vector<std::string> joined;
  std::set_union(suppressed.begin(), suppressed.end(), roles->begin(), roles->end(),
                 std::back_inserter(joined));
  suppressed = std::move(joined);
  tx->TellAllocator(SuppressDelta{framework->record.id, *std::move(roles)});
  tx->PublishFramework(*framework);
  return absl::OkStatus();
}

}  // namespace meros::master
