// A set of 64-bit numbers as disjoint inclusive ranges, for ports.
//
// Always normalised: sorted, disjoint, and never two ranges that touch. So equal sets are equal
// values, and one range (an untouched port range, the common case) needs no heap.
//
// Thread rule: value type; thread-compatible.
#pragma once

#include <compare>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace meros::resources {

// Both ends belong to the range.
struct Range {
  uint64_t begin = 0;
  uint64_t end = 0;

  friend bool operator==(const Range&, const Range&) = default;
  friend auto operator<=>(const Range&, const Range&) = default;
  template <typename H>
  friend H AbslHashValue(H state, const Range& range) {
    return H::combine(std::move(state), range.begin, range.end);
  }
};

class Ranges {
 public:
  using const_iterator = const Range*;

  Ranges() = default;
  // For literals. REQUIRES: begin <= end in each.
  Ranges(std::initializer_list<Range> ranges);

  // ERRORS: InvalidArgument if a range has begin > end or two ranges overlap (touching is fine).
  // Cost: O(n log n).
  static absl::StatusOr<Ranges> FromDisjoint(absl::Span<const Range> ranges);
  // The union. ERRORS: InvalidArgument if a range has begin > end. Cost: O(n log n).
  static absl::StatusOr<Ranges> FromOverlapping(absl::Span<const Range> ranges);

  bool empty() const { return ranges_.empty(); }
  // How many ranges, not how many numbers.
  size_t size() const { return ranges_.size(); }
  const_iterator begin() const { return ranges_.data(); }
  const_iterator end() const { return ranges_.data() + ranges_.size(); }

  // How many numbers; saturates at the largest uint64.
  uint64_t Count() const;

  bool Contains(uint64_t number) const { return Contains(Range{number, number}); }
  // Cost: O(log n).
  bool Contains(Range range) const;
  // Cost: O(n + m) or O(m log n), whichever is less.
  bool Contains(const Ranges& other) const;
  bool Intersects(const Ranges& other) const;

  // Union and difference. Cost: O(n) for a few ranges in `other`, O(n + m) otherwise.
  Ranges& operator+=(const Ranges& other);
  Ranges& operator-=(const Ranges& other);
  // REQUIRES: range.begin <= range.end.
  void Add(Range range);
  void Subtract(Range range);

  // The lowest `count` numbers, all of them if there are fewer.
  Ranges First(uint64_t count) const;

  // "[31000-32000, 33000-33000]".
  std::string ToString() const;

  friend bool operator==(const Ranges& a, const Ranges& b) { return a.ranges_ == b.ranges_; }
  friend bool operator<(const Ranges& a, const Ranges& b) { return a.ranges_ < b.ranges_; }
  template <typename H>
  friend H AbslHashValue(H state, const Ranges& ranges) {
    return H::combine(std::move(state), absl::MakeConstSpan(ranges.ranges_));
  }

 private:
  using Storage = absl::InlinedVector<Range, 1>;

  // The first range that ends at or after `number`; size() if none.
  size_t FirstEndingAt(uint64_t number) const;

  Storage ranges_;
};

inline Ranges operator+(Ranges a, const Ranges& b) { return std::move(a += b); }
inline Ranges operator-(Ranges a, const Ranges& b) { return std::move(a -= b); }

}  // namespace meros::resources
