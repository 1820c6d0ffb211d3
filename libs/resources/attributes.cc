#include "libs/resources/attributes.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "libs/base/status_macros.h"
#include "libs/resources/parse.h"
#include "libs/resources/validation.h"

namespace meros::resources {
namespace {

absl::StatusOr<Attribute> ParseAttribute(absl::string_view text) {
  const auto fault = [text](absl::string_view what) {
    return absl::InvalidArgumentError(
        absl::StrCat("attribute '", absl::CHexEscape(text.substr(0, kMaxNameBytes)), "': ", what));
  };
  const std::vector<absl::string_view> halves = absl::StrSplit(text, absl::MaxSplits(':', 1));
  if (halves.size() != 2) return fault("must be name:value");
  Attribute attribute;
  attribute.name = std::string(absl::StripAsciiWhitespace(halves[0]));
  const absl::string_view value = absl::StripAsciiWhitespace(halves[1]);
  if (attribute.name.empty()) return fault("has no name");
  if (value.empty()) return fault("has no value");
  if (value.front() == '{') return fault("sets are not supported");

  absl::StatusOr<Value> parsed = ParseValue(value);
  if (!parsed.ok() && value.front() == '[') return fault(parsed.status().message());
  if (!parsed.ok()) {
    attribute.value = std::string(value);
  } else if (const Scalar* scalar = std::get_if<Scalar>(&*parsed)) {
    attribute.value = *scalar;
  } else {
    attribute.value = std::get<Ranges>(*std::move(parsed));
  }
  return attribute;
}

}  // namespace

absl::StatusOr<Attributes> Attributes::Parse(absl::string_view text) {
  if (text.size() > kMaxInputBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "attributes have ", text.size(), " bytes, at most ", kMaxInputBytes, " are accepted"));
  }
  Attributes result;
  for (const absl::string_view part : absl::StrSplit(text, ';')) {
    const absl::string_view item = absl::StripAsciiWhitespace(part);
    if (item.empty()) continue;
    MEROS_ASSIGN_OR_RETURN(Attribute attribute, ParseAttribute(item));
    result.Add(std::move(attribute));
  }
  return result;
}

const Attribute* Attributes::Find(absl::string_view name) const {
  const auto found = std::find_if(list_.begin(), list_.end(), [&](const Attribute& attribute) {
    return absl::string_view(attribute.name) == name;
  });
  return found == list_.end() ? nullptr : &*found;
}

std::string Attributes::ToString() const {
  return absl::StrJoin(list_, ";", [](std::string* out, const Attribute& attribute) {
    absl::StrAppend(out, attribute.name, ":");
    if (const Scalar* scalar = std::get_if<Scalar>(&attribute.value)) {
      absl::StrAppend(out, scalar->ToString());
    } else if (const Ranges* ranges = std::get_if<Ranges>(&attribute.value)) {
      absl::StrAppend(out, ranges->ToString());
    } else {
      absl::StrAppend(out, std::get<std::string>(attribute.value));
    }
  });
}

bool operator==(const Attributes& a, const Attributes& b) {
  if (a.size() != b.size()) return false;
  std::vector<Attribute> left = a.list_;
  std::vector<Attribute> right = b.list_;
  std::sort(left.begin(), left.end());
  std::sort(right.begin(), right.end());
  return left == right;
}

}  // namespace meros::resources
