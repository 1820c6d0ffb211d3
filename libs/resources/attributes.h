// Facts about an agent that its operator states for frameworks to choose by: "rack:r1;ssd:1".
//
// A list: order is kept and names may repeat (a lookup finds the first). Two lists are equal if
// they hold the same attributes in any order.
//
// Thread rule: value types; thread-compatible.
#pragma once

#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "libs/resources/ranges.h"
#include "libs/resources/scalar.h"

namespace meros::resources {

struct Attribute {
  std::string name;
  std::variant<Scalar, Ranges, std::string> value;  // A string is text.

  friend bool operator==(const Attribute&, const Attribute&) = default;
  friend bool operator<(const Attribute& a, const Attribute& b) {
    return std::tie(a.name, a.value) < std::tie(b.name, b.value);
  }
};

class Attributes {
 public:
  using const_iterator = std::vector<Attribute>::const_iterator;

  Attributes() = default;
  explicit Attributes(std::vector<Attribute> list) : list_(std::move(list)) {}

  // Reads "name:value;name:value". A value that is no number, [ranges] or {set} is text.
  // ERRORS: InvalidArgument naming the part; sets are not supported.
  static absl::StatusOr<Attributes> Parse(absl::string_view text);

  bool empty() const { return list_.empty(); }
  size_t size() const { return list_.size(); }
  const_iterator begin() const { return list_.begin(); }
  const_iterator end() const { return list_.end(); }

  void Add(Attribute attribute) { list_.push_back(std::move(attribute)); }
  // The first of that name; nullptr if none. Valid until the list changes.
  const Attribute* Find(absl::string_view name) const;

  // "rack:r1;ssd:1".
  std::string ToString() const;

  friend bool operator==(const Attributes& a, const Attributes& b);

 private:
  std::vector<Attribute> list_;
};

}  // namespace meros::resources
