#include "libs/resources/ranges.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/check.h"
#include "libs/base/status_macros.h"

namespace meros::resources {
namespace {

constexpr uint64_t kMaxNumber = std::numeric_limits<uint64_t>::max();

// Up to this many ranges on the right are worked in one by one; more are merged in one pass.
constexpr size_t kFew = 4;

std::string RangeText(const Range& range) { return absl::StrCat(range.begin, "-", range.end); }

absl::Status CheckOrder(absl::Span<const Range> ranges) {
  for (const Range& range : ranges) {
    if (range.begin > range.end) {
      return absl::InvalidArgumentError(
          absl::StrCat("range begins after its end: ", RangeText(range)));
    }
  }
  return absl::OkStatus();
}

// Whether `next`, which begins at or after `last`, overlaps or touches it.
bool Joins(const Range& last, const Range& next) {
  return last.end == kMaxNumber || next.begin <= last.end + 1;
}

// Appends `next` to a normalised list. REQUIRES: it begins at or after the last range's begin.
template <typename List>
void AppendJoining(const Range& next, List* list) {
  if (!list->empty() && Joins(list->back(), next)) {
    list->back().end = std::max(list->back().end, next.end);
  } else {
    list->push_back(next);
  }
}

}  // namespace

Ranges::Ranges(std::initializer_list<Range> ranges) {
  for (const Range& range : ranges) Add(range);
}

absl::StatusOr<Ranges> Ranges::FromDisjoint(absl::Span<const Range> ranges) {
  MEROS_RETURN_IF_ERROR(CheckOrder(ranges));
  Storage sorted(ranges.begin(), ranges.end());
  std::sort(sorted.begin(), sorted.end());
  Ranges result;
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (i > 0 && sorted[i].begin <= sorted[i - 1].end) {
      return absl::InvalidArgumentError(absl::StrCat("ranges overlap: ", RangeText(sorted[i - 1]),
                                                     " and ", RangeText(sorted[i])));
    }
    AppendJoining(sorted[i], &result.ranges_);
  }
  return result;
}

absl::StatusOr<Ranges> Ranges::FromOverlapping(absl::Span<const Range> ranges) {
  MEROS_RETURN_IF_ERROR(CheckOrder(ranges));
  Storage sorted(ranges.begin(), ranges.end());
  std::sort(sorted.begin(), sorted.end());
  Ranges result;
  for (const Range& range : sorted) AppendJoining(range, &result.ranges_);
  return result;
}

uint64_t Ranges::Count() const {
  uint64_t count = 0;
  for (const Range& range : ranges_) {
    const uint64_t width = range.end - range.begin;  // One less than its numbers.
    if (width == kMaxNumber || __builtin_add_overflow(count, width + 1, &count)) return kMaxNumber;
  }
  return count;
}

size_t Ranges::FirstEndingAt(uint64_t number) const {
  // Most agents have one range or few; a scan of those beats bisection.
  if (ranges_.size() <= kFew) {
    size_t i = 0;
    while (i < ranges_.size() && ranges_[i].end < number) ++i;
    return i;
  }
  const auto found =
      std::lower_bound(ranges_.begin(), ranges_.end(), number,
                       [](const Range& range, uint64_t value) { return range.end < value; });
  return static_cast<size_t>(found - ranges_.begin());
}

bool Ranges::Contains(Range range) const {
  const size_t i = FirstEndingAt(range.begin);
  return i < ranges_.size() && ranges_[i].begin <= range.begin && range.end <= ranges_[i].end;
}

bool Ranges::Contains(const Ranges& other) const {
  if (other.size() <= kFew) {
    return std::all_of(other.begin(), other.end(), [&](Range range) { return Contains(range); });
  }
  size_t i = 0;
  for (const Range& range : other) {
    while (i < ranges_.size() && ranges_[i].end < range.begin) ++i;
    if (i == ranges_.size() || range.begin < ranges_[i].begin || ranges_[i].end < range.end) {
      return false;
    }
  }
  return true;
}

bool Ranges::Intersects(const Ranges& other) const {
  const Ranges& small = size() < other.size() ? *this : other;
  const Ranges& large = size() < other.size() ? other : *this;
  return std::any_of(small.begin(), small.end(), [&](Range range) {
    const size_t i = large.FirstEndingAt(range.begin);
    return i < large.size() && large.ranges_[i].begin <= range.end;
  });
}

void Ranges::Add(Range range) {
  MEROS_CHECK(range.begin <= range.end) << "range " << RangeText(range);
  // [first, last) are the ranges that overlap or touch `range`; they become one with it.
  const size_t first = FirstEndingAt(range.begin == 0 ? 0 : range.begin - 1);
  size_t last = first;
  while (last < ranges_.size() &&
         (range.end == kMaxNumber || ranges_[last].begin <= range.end + 1)) {
    ++last;
  }
  if (first == last) {
    ranges_.insert(ranges_.begin() + first, range);
    return;
  }
  ranges_[first].begin = std::min(ranges_[first].begin, range.begin);
  ranges_[first].end = std::max(ranges_[last - 1].end, range.end);
  if (last - first > 1) ranges_.erase(ranges_.begin() + first + 1, ranges_.begin() + last);
}

void Ranges::Subtract(Range range) {
  MEROS_CHECK(range.begin <= range.end) << "range " << RangeText(range);
  size_t first = FirstEndingAt(range.begin);
  size_t last = first;
  while (last < ranges_.size() && ranges_[last].begin <= range.end) ++last;
  if (first == last) return;

  const Range head = ranges_[first];
  const Range tail = ranges_[last - 1];
  const bool keeps_head = head.begin < range.begin;
  const bool keeps_tail = tail.end > range.end;
  if (keeps_head && keeps_tail && last - first == 1) {
    ranges_[first].end = range.begin - 1;
    ranges_.insert(ranges_.begin() + first + 1, Range{range.end + 1, tail.end});
    return;
  }
  if (keeps_head) ranges_[first++].end = range.begin - 1;
  if (keeps_tail) ranges_[--last].begin = range.end + 1;
  if (first < last) ranges_.erase(ranges_.begin() + first, ranges_.begin() + last);
}

Ranges& Ranges::operator+=(const Ranges& other) {
  if (&other == this) return *this;
  if (other.size() <= kFew) {
    for (const Range& range : other) Add(range);
    return *this;
  }
  Storage merged;
  merged.reserve(size() + other.size());
  const_iterator left = begin();
  const_iterator right = other.begin();
  while (left != end() || right != other.end()) {
    const bool take_left = right == other.end() || (left != end() && left->begin <= right->begin);
    AppendJoining(take_left ? *left++ : *right++, &merged);
  }
  ranges_ = std::move(merged);
  return *this;
}

Ranges& Ranges::operator-=(const Ranges& other) {
  if (&other == this) {
    ranges_.clear();
    return *this;
  }
  if (other.size() <= kFew) {
    for (const Range& range : other) Subtract(range);
    return *this;
  }
  Storage rest;
  rest.reserve(size());
  const_iterator cut = other.begin();
  for (Range range : ranges_) {
    while (cut != other.end() && cut->end < range.begin) ++cut;
    bool consumed = false;
    for (const_iterator c = cut; c != other.end() && c->begin <= range.end; ++c) {
      if (c->begin > range.begin) rest.push_back({range.begin, c->begin - 1});
      consumed = c->end >= range.end;
      if (consumed) break;
      range.begin = c->end + 1;
    }
    if (!consumed) rest.push_back(range);
  }
  ranges_ = std::move(rest);
  return *this;
}

Ranges Ranges::First(uint64_t count) const {
  Ranges result;
  for (const Range& range : ranges_) {
    if (count == 0) break;
    const uint64_t width = range.end - range.begin;
    const uint64_t taken = std::min(width, count - 1);
    result.ranges_.push_back({range.begin, range.begin + taken});
    count -= taken + 1;
    if (taken < width) break;
  }
  return result;
}

std::string Ranges::ToString() const {
  return absl::StrCat("[",
                      absl::StrJoin(ranges_, ", ",
                                    [](std::string* out, const Range& range) {
                                      absl::StrAppend(out, RangeText(range));
                                    }),
                      "]");
}

}  // namespace meros::resources
