// A set of distinct strings, the third kind of resource value. Kept sorted, so equal sets are equal
// values. Sets are rare and small; operations are linear.
//
// Thread rule: value type; thread-compatible.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace meros::resources {

class StringSet {
 public:
  StringSet() = default;
  // For literals; repeated items count once.
  StringSet(std::initializer_list<std::string> items);

  // ERRORS: InvalidArgument if an item is repeated. Cost: O(n log n).
  static absl::StatusOr<StringSet> FromUnique(std::vector<std::string> items);

  bool empty() const { return items_.empty(); }
  size_t size() const { return items_.size(); }
  // Sorted and unique.
  const std::vector<std::string>& items() const { return items_; }

  bool Contains(absl::string_view item) const;
  bool Contains(const StringSet& other) const;
  bool Intersects(const StringSet& other) const;

  // Union and difference.
  StringSet& operator+=(const StringSet& other);
  StringSet& operator-=(const StringSet& other);

  // "{a, b}".
  std::string ToString() const;

  friend bool operator==(const StringSet& a, const StringSet& b) { return a.items_ == b.items_; }
  friend bool operator<(const StringSet& a, const StringSet& b) { return a.items_ < b.items_; }
  template <typename H>
  friend H AbslHashValue(H state, const StringSet& set) {
    return H::combine(std::move(state), set.items_);
  }

 private:
  std::vector<std::string> items_;
};

}  // namespace meros::resources
