// How far a page of a listing has come: it ends when it is full, or when enough entries have been
// looked at, whether they matched or not.
//
// Thread rule: value types; thread-compatible.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "services/master/view/listing_pages.h"

namespace meros::master {

// Rows that a page may have. ERRORS: InvalidArgument.
inline absl::StatusOr<size_t> PageSize(uint32_t asked) {
  if (asked == 0) return kDefaultPageSize;
  if (asked <= kMaxPageSize) return asked;
  return absl::InvalidArgumentError(
      absl::StrCat("page_size: must be at most ", kMaxPageSize, ", is ", asked));
}

struct Progress {
  const size_t rows_max;
  const PageLimits limits;
  size_t rows = 0;
  size_t examined = 0;
  size_t bytes = 0;

  bool may_examine() const { return examined < limits.examined_max; }
  bool has_room() const { return rows < rows_max && bytes < limits.bytes_max; }
  // Whether the page ends before an entry.
  bool ends_before(bool matches) const { return !may_examine() || (matches && !has_room()); }
};

}  // namespace meros::master
