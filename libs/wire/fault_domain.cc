#include "libs/wire/fault_domain.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace meros::wire {
namespace {

constexpr size_t kMaxBytes = 255;

bool IsName(absl::string_view name) {
  return !name.empty() && name.size() <= kMaxBytes &&
         std::all_of(name.begin(), name.end(), [](char c) { return absl::ascii_isgraph(c); });
}

}  // namespace

absl::StatusOr<v1::DomainInfo> FaultDomainFromText(absl::string_view text) {
  v1::DomainInfo domain;
  if (text.empty()) return domain;
  const std::vector<std::string> names = absl::StrSplit(text, '/');
  if (names.size() != 2 || !IsName(names[0]) || !IsName(names[1])) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected REGION/ZONE, names without white space, found '", text, "'"));
  }
  domain.mutable_fault_domain()->mutable_region()->set_name(names[0]);
  domain.mutable_fault_domain()->mutable_zone()->set_name(names[1]);
  return domain;
}

}  // namespace meros::wire
