// The text form. JSON is in parse_json.cc.
#include "libs/resources/parse.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "libs/base/status_macros.h"
#include "libs/resources/roles.h"
#include "libs/resources/validation.h"

namespace meros::resources {
namespace {

// Characters with a meaning in the text form: names and items that hold one cannot be written in
// it.
constexpr absl::string_view kReserved = ";:()[]{},|";

// How much of a wrong input an error quotes.
constexpr size_t kQuoteBytes = 80;

std::string Quote(absl::string_view text) {
  if (text.size() <= kQuoteBytes) return absl::StrCat("'", absl::CHexEscape(text), "'");
  return absl::StrCat("'", absl::CHexEscape(text.substr(0, kQuoteBytes)), "...'");
}

template <typename... Args>
absl::Status Invalid(const Args&... args) {
  return absl::InvalidArgumentError(absl::StrCat(args...));
}

absl::Status CheckSize(absl::string_view input) {
  if (input.size() <= kMaxInputBytes) return absl::OkStatus();
  return Invalid("input has ", input.size(), " bytes, at most ", kMaxInputBytes, " are accepted");
}

// The text between `open` and `close`, which must be the first and last character.
absl::StatusOr<absl::string_view> Inside(absl::string_view text, char open, char close) {
  const bool balanced = text.size() >= 2 && text.front() == open && text.back() == close;
  const absl::string_view inside = balanced ? text.substr(1, text.size() - 2) : text;
  if (!balanced || absl::StrContains(inside, open) || absl::StrContains(inside, close)) {
    return Invalid("brackets are not balanced in ", Quote(text));
  }
  return inside;
}

absl::StatusOr<Value> ParseRanges(absl::string_view text) {
  MEROS_ASSIGN_OR_RETURN(const absl::string_view inside, Inside(text, '[', ']'));
  std::vector<Range> ranges;
  for (const absl::string_view part : absl::StrSplit(inside, ',', absl::SkipEmpty())) {
    const std::vector<absl::string_view> ends = absl::StrSplit(part, '-');
    Range range;
    if (ends.size() != 2 || !absl::SimpleAtoi(ends[0], &range.begin) ||
        !absl::SimpleAtoi(ends[1], &range.end)) {
      return Invalid("range must be begin-end with two whole numbers, got ", Quote(part));
    }
    ranges.push_back(range);
  }
  MEROS_ASSIGN_OR_RETURN(Ranges value, Ranges::FromOverlapping(ranges));
  return Value(std::move(value));
}

absl::StatusOr<Value> ParseSet(absl::string_view text) {
  MEROS_ASSIGN_OR_RETURN(const absl::string_view inside, Inside(text, '{', '}'));
  std::vector<std::string> items = absl::StrSplit(inside, ',', absl::SkipEmpty());
  MEROS_ASSIGN_OR_RETURN(StringSet value, StringSet::FromUnique(std::move(items)));
  return Value(std::move(value));
}

// An item split at its colon, and the role in parentheses if there is one.
struct Item {
  std::string name;
  std::string role;
  std::string value;
};

absl::StatusOr<Item> SplitItem(absl::string_view text) {
  const std::vector<absl::string_view> halves = absl::StrSplit(text, ':');
  if (halves.size() != 2) {
    return Invalid(Quote(text), ": must be name:value or name(role):value");
  }
  Item item;
  absl::string_view name = absl::StripAsciiWhitespace(halves[0]);
  item.value = std::string(halves[1]);
  const size_t open = name.find('(');
  if (open != absl::string_view::npos) {
    const auto role = Inside(name.substr(open), '(', ')');
    if (!role.ok()) return Invalid(Quote(text), ": ", role.status().message());
    item.role = std::string(absl::StripAsciiWhitespace(*role));
    const absl::Status valid = ValidateRole(item.role);
    if (!valid.ok()) return Invalid(Quote(text), ": ", valid.message());
    name = absl::StripTrailingAsciiWhitespace(name.substr(0, open));
  }
  item.name = std::string(name);
  return item;
}

absl::StatusOr<Resource> ParseItem(absl::string_view text, absl::string_view default_role) {
  MEROS_ASSIGN_OR_RETURN(const Item item, SplitItem(text));
  absl::StatusOr<Value> value = ParseValue(item.value);
  if (!value.ok()) return Invalid(Quote(text), ": ", value.status().message());

  Metadata metadata;
  const absl::string_view role = item.role.empty() ? default_role : absl::string_view(item.role);
  if (role != kDefaultRole) {
    metadata.reservations.push_back({Reservation::Kind::kStatic, std::string(role), {}, {}});
  }
  Resource resource(ResourceName(item.name), *std::move(value), MetadataRef(std::move(metadata)));
  const absl::Status valid = ValidateResource(resource);
  if (!valid.ok()) return Invalid(Quote(text), ": ", valid.message());
  return resource;
}

bool HasReserved(absl::string_view text) {
  return text.find_first_of(kReserved) != absl::string_view::npos ||
         std::any_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isspace(static_cast<unsigned char>(c)); });
}

bool TextCanExpress(const Resource& resource) {
  const Metadata& metadata = *resource.metadata();
  if (!metadata.allocation_role.empty() || metadata.disk || metadata.revocable || metadata.shared ||
      metadata.provider_id || metadata.reservations.size() > 1) {
    return false;
  }
  for (const Reservation& level : metadata.reservations) {
    if (level.kind != Reservation::Kind::kStatic || level.principal || !level.labels.empty() ||
        HasReserved(level.role)) {
      return false;
    }
  }
  if (HasReserved(resource.name().text())) return false;
  const StringSet* set = std::get_if<StringSet>(&resource.value());
  return set == nullptr ||
         std::none_of(set->items().begin(), set->items().end(),
                      [](const std::string& item) { return item.empty() || HasReserved(item); });
}

}  // namespace

absl::StatusOr<Value> ParseValue(absl::string_view text) {
  const std::string compact = absl::StrReplaceAll(text, {{" ", ""}, {"\t", ""}});
  if (absl::StartsWith(compact, "[")) return ParseRanges(compact);
  if (absl::StartsWith(compact, "{")) return ParseSet(compact);
  double number = 0;
  // Words such as "inf" and "nan" are text, not numbers.
  const bool is_numeric = !compact.empty() &&
                          compact.find_first_not_of("0123456789.eE+-") == std::string::npos &&
                          absl::SimpleAtod(compact, &number);
  if (!is_numeric) {
    return Invalid("value must be a number, [ranges] or {a set}, got ", Quote(compact));
  }
  MEROS_ASSIGN_OR_RETURN(const Scalar scalar, Scalar::FromDouble(number));
  return Value(scalar);
}

absl::StatusOr<Resources> ParseResources(absl::string_view input, absl::string_view default_role) {
  const absl::string_view stripped = absl::StripLeadingAsciiWhitespace(input);
  const bool is_json = absl::StartsWith(stripped, "[") || absl::StartsWith(stripped, "{");
  return is_json ? ParseResourcesJson(stripped, default_role)
                 : ParseResourcesText(stripped, default_role);
}

absl::StatusOr<Resources> ParseResourcesText(absl::string_view text,
                                             absl::string_view default_role) {
  MEROS_RETURN_IF_ERROR(CheckSize(text));
  std::vector<Resource> list;
  for (const absl::string_view part : absl::StrSplit(text, ';')) {
    const absl::string_view item = absl::StripAsciiWhitespace(part);
    if (item.empty()) continue;
    if (list.size() == kMaxObjects) return Invalid("more than ", kMaxObjects, " resources");
    MEROS_ASSIGN_OR_RETURN(Resource resource, ParseItem(item, default_role));
    list.push_back(std::move(resource));
  }
  Resources result(list);
  MEROS_RETURN_IF_ERROR(ValidateTotals(result));
  return result;
}

absl::StatusOr<ResourceQuantities> ParseQuantities(absl::string_view text) {
  MEROS_RETURN_IF_ERROR(CheckSize(text));
  ResourceQuantities result;
  for (const absl::string_view part : absl::StrSplit(text, ';')) {
    const absl::string_view item = absl::StripAsciiWhitespace(part);
    if (item.empty()) continue;
    MEROS_ASSIGN_OR_RETURN(const Resource resource, ParseItem(item, kDefaultRole));
    if (!resource.is_scalar() || resource.is_reserved()) {
      return Invalid(Quote(item), ": must be name:number");
    }
    if (!result.Get(resource.name()).is_zero()) {
      return Invalid(Quote(item), ": '", resource.name().text(), "' is given twice");
    }
    result.Add(resource.name(), resource.scalar());
  }
  return result;
}

absl::StatusOr<std::vector<ResourceQuantities>> ParseQuantityAlternatives(absl::string_view text) {
  std::vector<ResourceQuantities> result;
  if (absl::StripAsciiWhitespace(text).empty()) return result;
  for (const absl::string_view part : absl::StrSplit(text, '|')) {
    MEROS_ASSIGN_OR_RETURN(ResourceQuantities quantities, ParseQuantities(part));
    result.push_back(std::move(quantities));
  }
  return result;
}

absl::StatusOr<std::string> PrintResourcesText(const Resources& resources) {
  std::string text;
  for (const Resource& resource : resources) {
    if (!TextCanExpress(resource)) {
      return absl::FailedPreconditionError(
          absl::StrCat("text cannot express ", resource.DebugString()));
    }
    if (!text.empty()) text.push_back(';');
    absl::StrAppend(&text, resource.name().text());
    if (resource.is_reserved()) {
      absl::StrAppend(&text, "(", ReservationRole(*resource.metadata()), ")");
    }
    absl::StrAppend(&text, ":", ValueText(resource.value()));
  }
  return text;
}

}  // namespace meros::resources
