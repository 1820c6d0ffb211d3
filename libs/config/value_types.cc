#include "libs/config/value_types.h"

#include <cmath>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace meros::config {
namespace {

constexpr std::pair<absl::string_view, int> kByteUnits[] = {
    {"K", 10}, {"M", 20}, {"G", 30}, {"T", 40}};

}  // namespace

absl::string_view Describe(ValueType type) {
  switch (type) {
    case ValueType::kString: return "string";
    case ValueType::kBoolean: return "boolean (true or false)";
    case ValueType::kInteger: return "integer";
    case ValueType::kNumber: return "number";
    case ValueType::kDuration: return "duration with unit such as 500ms, 5s or 1h30m";
    case ValueType::kBytes: return "bytes such as 4096, 64KB or 1.5GB";
    case ValueType::kList: return "list";
  }
  return "value";
}

bool ParseValue(absl::string_view text, std::string* value) {
  *value = std::string(text);
  return true;
}

bool ParseValue(absl::string_view text, bool* value) {
  if (text != "true" && text != "false") return false;
  *value = text == "true";
  return true;
}

bool ParseValue(absl::string_view text, int64_t* value) {
  int64_t parsed = 0;
  if (!absl::SimpleAtoi(text, &parsed)) return false;
  *value = parsed;
  return true;
}

bool ParseValue(absl::string_view text, double* value) {
  double parsed = 0;
  if (!absl::SimpleAtod(text, &parsed) || !std::isfinite(parsed)) return false;
  *value = parsed;
  return true;
}

bool ParseValue(absl::string_view text, absl::Duration* value) {
  absl::Duration parsed;
  if (!absl::ParseDuration(text, &parsed)) return false;
  if (parsed < absl::ZeroDuration() || parsed == absl::InfiniteDuration()) return false;
  *value = parsed;
  return true;
}

bool ParseValue(absl::string_view text, Bytes* value) {
  int shift = 0;
  absl::ConsumeSuffix(&text, "B");
  absl::ConsumeSuffix(&text, "i");
  for (const auto& [unit, unit_shift] : kByteUnits) {
    if (absl::ConsumeSuffix(&text, unit)) {
      shift = unit_shift;
      break;
    }
  }
  double amount = 0;
  if (text.empty() || !absl::ascii_isdigit(text.back()) || !ParseValue(text, &amount)) return false;
  amount = std::ldexp(amount, shift);
  // 2^53: up to here every whole number of bytes is exact.
  if (amount < 0 || amount > std::ldexp(1, 53) || amount != std::floor(amount)) return false;
  value->value = static_cast<int64_t>(amount);
  return true;
}

bool ParseValue(absl::string_view text, StringList* value) {
  *value = text.empty() ? StringList() : StringList(absl::StrSplit(text, ','));
  for (std::string& item : *value) absl::StripAsciiWhitespace(&item);
  return true;
}

std::string PrintValue(const std::string& value) { return value; }
std::string PrintValue(bool value) { return value ? "true" : "false"; }
std::string PrintValue(int64_t value) { return absl::StrCat(value); }
std::string PrintValue(double value) { return absl::StrCat(value); }
std::string PrintValue(absl::Duration value) { return absl::FormatDuration(value); }

std::string PrintValue(Bytes value) {
  absl::string_view unit;
  int64_t amount = value.value;
  for (const auto& [larger, shift] : kByteUnits) {
    if (value.value == 0 || value.value % (int64_t{1} << shift) != 0) break;
    amount = value.value >> shift;
    unit = larger;
  }
  return absl::StrCat(amount, unit, unit.empty() ? "" : "B");
}

std::string PrintValue(const StringList& value) { return absl::StrJoin(value, ","); }

}  // namespace meros::config
