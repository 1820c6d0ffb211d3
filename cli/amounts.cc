#include "cli/amounts.h"

#include <cmath>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "cli/format.h"

namespace meros::cli {
namespace {

bool IsSize(absl::string_view name) { return name == "mem" || name == "disk"; }

absl::StatusOr<double> ParseAmount(absl::string_view name, absl::string_view text) {
  double unit = 1;
  if (IsSize(name)) {
    if (absl::ConsumeSuffix(&text, "T")) {
      unit = 1024 * 1024;
    } else if (absl::ConsumeSuffix(&text, "G")) {
      unit = 1024;
    } else {
      absl::ConsumeSuffix(&text, "M");
    }
  }
  double value = 0;
  if (!absl::SimpleAtod(text, &value) || !std::isfinite(value) || value < 0) {
    return absl::InvalidArgumentError(absl::StrCat("'", text, "' is no amount of ", name,
                                                   IsSize(name) ? ", such as 512 or 4G" : ""));
  }
  return value * unit;
}

}  // namespace

absl::StatusOr<Amounts> ParseAmounts(absl::string_view text) {
  Amounts amounts;
  if (text.empty() || text == "none") return amounts;
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    const std::pair<absl::string_view, absl::string_view> pair =
        absl::StrSplit(part, absl::MaxSplits('=', 1));
    if (pair.first.empty() || pair.first.size() == part.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", part, "' is not NAME=AMOUNT, such as cpus=4 or mem=16G"));
    }
    const absl::StatusOr<double> amount = ParseAmount(pair.first, pair.second);
    if (!amount.ok()) return amount.status();
    if (!amounts.emplace(std::string(pair.first), *amount).second) {
      return absl::InvalidArgumentError(absl::StrCat(pair.first, " is named twice"));
    }
  }
  return amounts;
}

std::string AmountsText(const Amounts& amounts) {
  std::string text;
  for (const auto& [name, amount] : amounts) {
    absl::StrAppend(&text, text.empty() ? "" : ",", name, "=",
                    IsSize(name) ? Megabytes(amount) : Number(amount));
  }
  return text.empty() ? "-" : text;
}

Amounts AmountsOf(const AmountMap& map) {
  Amounts amounts;
  for (const auto& [name, amount] : map) amounts[name] = amount.value();
  return amounts;
}

Amounts AmountsOf(const google::protobuf::RepeatedPtrField<meros::v1::Resource>& scalars) {
  Amounts amounts;
  for (const auto& resource : scalars) amounts[resource.name()] += resource.scalar().value();
  return amounts;
}

void Fill(const Amounts& amounts, AmountMap* map) {
  for (const auto& [name, amount] : amounts) (*map)[name].set_value(amount);
}

}  // namespace meros::cli
