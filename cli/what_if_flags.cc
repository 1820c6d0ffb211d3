#include "cli/what_if_flags.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cli/amounts.h"
#include "libs/base/status_macros.h"

namespace meros::cli {
namespace {

using resources::ResourceLimits;
using resources::ResourceName;
using resources::ResourceQuantities;
using resources::Scalar;

constexpr absl::string_view kGuarantee = ":guarantee=";
constexpr absl::string_view kLimit = ":limit=";

// Calls `visit` for each amount of the text.
template <typename Visit>
absl::Status ForEachAmount(absl::string_view text, Visit visit) {
  MEROS_ASSIGN_OR_RETURN(const Amounts amounts, ParseAmounts(text));
  for (const auto& [name, value] : amounts) {
    const absl::StatusOr<Scalar> amount = Scalar::FromDouble(value);
    if (!amount.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, ": ", std::string(amount.status().message())));
    }
    visit(ResourceName(name), *amount);
  }
  return absl::OkStatus();
}

absl::StatusOr<ResourceQuantities> ReadQuantities(absl::string_view text) {
  ResourceQuantities quantities;
  MEROS_RETURN_IF_ERROR(ForEachAmount(
      text, [&](const ResourceName& name, Scalar amount) { quantities.Add(name, amount); }));
  return quantities;
}

absl::StatusOr<ResourceLimits> ReadLimits(absl::string_view text) {
  ResourceLimits limits;
  MEROS_RETURN_IF_ERROR(ForEachAmount(
      text, [&](const ResourceName& name, Scalar amount) { limits.Set(name, amount); }));
  return limits;
}

// What stands behind `mark`, up to where `other` begins or to the end; nullopt without the mark.
std::optional<absl::string_view> PartBehind(absl::string_view text, absl::string_view mark,
                                            absl::string_view other) {
  const size_t at = text.find(mark);
  if (at == absl::string_view::npos) return std::nullopt;
  const absl::string_view rest = text.substr(at + mark.size());
  return rest.substr(0, rest.find(other));
}

}  // namespace

absl::StatusOr<AddAgentsFlag> ParseAddAgents(absl::string_view text) {
  AddAgentsFlag flag;
  const size_t colon = text.find(':');
  uint64_t count = 0;
  if (!absl::SimpleAtoi(text.substr(0, colon), &count) || count == 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "must be N or N:NAME=AMOUNT,... with N of 1 or more, such as 10 or 10:cpus=16,mem=64G"));
  }
  flag.count = count;
  if (colon == absl::string_view::npos) return flag;
  MEROS_ASSIGN_OR_RETURN(flag.each, ReadQuantities(text.substr(colon + 1)));
  if (flag.each.empty()) {
    return absl::InvalidArgumentError("an agent without resources is none: name some behind ':'");
  }
  return flag;
}

absl::StatusOr<SetQuotaFlag> ParseSetQuota(absl::string_view text) {
  const auto guarantee = PartBehind(text, kGuarantee, kLimit);
  const auto limit = PartBehind(text, kLimit, kGuarantee);
  SetQuotaFlag flag;
  flag.role = std::string(text.substr(0, std::min(text.find(kGuarantee), text.find(kLimit))));
  if ((!guarantee.has_value() && !limit.has_value()) || flag.role.empty()) {
    return absl::InvalidArgumentError(
        "must be ROLE:guarantee=NAME=AMOUNT,...:limit=NAME=AMOUNT,... with one part or both, such "
        "as eng:guarantee=cpus=40,mem=64G:limit=cpus=100");
  }
  if (guarantee.has_value()) {
    MEROS_ASSIGN_OR_RETURN(flag.guarantees, ReadQuantities(*guarantee));
  }
  if (limit.has_value()) {
    MEROS_ASSIGN_OR_RETURN(flag.limits, ReadLimits(*limit));
  }
  return flag;
}

absl::StatusOr<SetWeightFlag> ParseSetWeight(absl::string_view text) {
  SetWeightFlag flag;
  const size_t equals = text.rfind('=');
  if (equals == absl::string_view::npos || equals == 0 ||
      !absl::SimpleAtod(text.substr(equals + 1), &flag.weight)) {
    return absl::InvalidArgumentError("must be ROLE=WEIGHT, such as eng=2");
  }
  flag.role = std::string(text.substr(0, equals));
  return flag;
}

}  // namespace meros::cli
