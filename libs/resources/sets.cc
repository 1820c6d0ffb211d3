#include "libs/resources/sets.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace meros::resources {

StringSet::StringSet(std::initializer_list<std::string> items) : items_(items) {
  std::sort(items_.begin(), items_.end());
  items_.erase(std::unique(items_.begin(), items_.end()), items_.end());
}

absl::StatusOr<StringSet> StringSet::FromUnique(std::vector<std::string> items) {
  std::sort(items.begin(), items.end());
  const auto repeated = std::adjacent_find(items.begin(), items.end());
  if (repeated != items.end()) {
    return absl::InvalidArgumentError(absl::StrCat("set item is repeated: '", *repeated, "'"));
  }
  StringSet set;
  set.items_ = std::move(items);
  return set;
}

bool StringSet::Contains(absl::string_view item) const {
  const auto found = std::lower_bound(
      items_.begin(), items_.end(), item,
      [](const std::string& a, absl::string_view b) { return absl::string_view(a) < b; });
  return found != items_.end() && absl::string_view(*found) == item;
}

bool StringSet::Contains(const StringSet& other) const {
  return std::includes(items_.begin(), items_.end(), other.items_.begin(), other.items_.end());
}

bool StringSet::Intersects(const StringSet& other) const {
  return std::any_of(items_.begin(), items_.end(),
                     [&](const std::string& item) { return other.Contains(item); });
}

StringSet& StringSet::operator+=(const StringSet& other) {
  std::vector<std::string> merged;
  std::set_union(items_.begin(), items_.end(), other.items_.begin(), other.items_.end(),
                 std::back_inserter(merged));
  items_ = std::move(merged);
  return *this;
}

StringSet& StringSet::operator-=(const StringSet& other) {
  std::vector<std::string> rest;
  std::set_difference(items_.begin(), items_.end(), other.items_.begin(), other.items_.end(),
                      std::back_inserter(rest));
  items_ = std::move(rest);
  return *this;
}

std::string StringSet::ToString() const {
  return absl::StrCat("{", absl::StrJoin(items_, ", "), "}");
}

}  // namespace meros::resources
