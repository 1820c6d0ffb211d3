// What a flag's value must satisfy beyond its type, with the words that help and errors use for it.
//
// Thread rule: immutable.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/config/value_types.h"

namespace meros::config {

template <typename T>
struct Constraint {
  std::string expected;                  // "from 0 to 65535"; empty with no constraint
  std::function<bool(const T&)> accept;  // null accepts everything
};

// Both ends included.
template <typename T>
Constraint<T> InRange(T min, T max) {
  return {absl::StrCat("from ", PrintValue(min), " to ", PrintValue(max)),
          [min, max](const T& value) { return min <= value && value <= max; }};
}

template <typename T>
Constraint<T> AtLeast(T min) {
  return {absl::StrCat("at least ", PrintValue(min)),
          [min](const T& value) { return min <= value; }};
}

inline Constraint<int64_t> IsPort() { return InRange<int64_t>(0, 65535); }

inline Constraint<std::string> OneOf(std::vector<std::string> choices) {
  std::string expected = absl::StrCat("one of ", absl::StrJoin(choices, ", "));
  return {std::move(expected), [choices = std::move(choices)](const std::string& value) {
            return std::find(choices.begin(), choices.end(), value) != choices.end();
          }};
}

inline Constraint<std::string> NotEmpty() {
  return {"not empty", [](const std::string& value) { return !value.empty(); }};
}

}  // namespace meros::config
