// The types that a flag can have, each with its name in error messages, its text form and its
// parser.
//
//   string        any text
//   boolean       true or false
//   integer       64 bits, decimal
//   number        decimal, finite
//   duration      500ms, 5s, 1h30m; a unit is required, not negative, not infinite
//   bytes         4096, 64KB, 1.5GB; units are powers of 1024 as in Mesos, the i of KiB is accepted
//   list          comma-separated on the command line and in the environment, a sequence in YAML
//
// Thread rule: immutable.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace meros::config {

// An amount of memory or disk. A type of its own, so that no one takes it for a count.
struct Bytes {
  int64_t value = 0;

  friend auto operator<=>(const Bytes&, const Bytes&) = default;
};

inline constexpr Bytes Kibibytes(int64_t n) { return {n << 10}; }
inline constexpr Bytes Mebibytes(int64_t n) { return {n << 20}; }
inline constexpr Bytes Gibibytes(int64_t n) { return {n << 30}; }

using StringList = std::vector<std::string>;

enum class ValueType { kString, kBoolean, kInteger, kNumber, kDuration, kBytes, kList };

// "integer", "duration with unit such as 5s" and so on.
absl::string_view Describe(ValueType type);

inline ValueType TypeOf(const std::string&) { return ValueType::kString; }
inline ValueType TypeOf(bool) { return ValueType::kBoolean; }
inline ValueType TypeOf(int64_t) { return ValueType::kInteger; }
inline ValueType TypeOf(double) { return ValueType::kNumber; }
inline ValueType TypeOf(absl::Duration) { return ValueType::kDuration; }
inline ValueType TypeOf(Bytes) { return ValueType::kBytes; }
inline ValueType TypeOf(const StringList&) { return ValueType::kList; }

// False when `text` is not of the type; `value` is then untouched.
[[nodiscard]] bool ParseValue(absl::string_view text, std::string* value);
[[nodiscard]] bool ParseValue(absl::string_view text, bool* value);
[[nodiscard]] bool ParseValue(absl::string_view text, int64_t* value);
[[nodiscard]] bool ParseValue(absl::string_view text, double* value);
[[nodiscard]] bool ParseValue(absl::string_view text, absl::Duration* value);
[[nodiscard]] bool ParseValue(absl::string_view text, Bytes* value);
[[nodiscard]] bool ParseValue(absl::string_view text, StringList* value);

// The text form, which parses back to the same value.
std::string PrintValue(const std::string& value);
std::string PrintValue(bool value);
std::string PrintValue(int64_t value);
std::string PrintValue(double value);
std::string PrintValue(absl::Duration value);
std::string PrintValue(Bytes value);
std::string PrintValue(const StringList& value);

}  // namespace meros::config
