// Saved snapshots as text, one JSON object a line; protos/meros/allocator/v1/snapshot.proto is the
// description of the format. Lines, because then a snapshot can be looked at, searched and compared
// with what everyone has at hand, and a fault has a place.
//
// Thread rule: value type and pure functions; thread-compatible.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "meros/allocator/v1/snapshot.pb.h"

namespace meros::allocator {

inline constexpr absl::string_view kSnapshotFormat = "meros-allocation-snapshot";
inline constexpr uint32_t kSnapshotFormatVersion = 1;

// Whether this program reads what such a header begins. ERRORS: InvalidArgument saying what it is.
absl::Status CheckHeader(const v1::SnapshotHeader& header);

// One line, with its end.
std::string PrintLine(const v1::SnapshotLine& line);

struct SavedSnapshot {
  // All, from the header to the end; the i-th is on line i + 1. Deltas have version 0.
  std::vector<v1::SnapshotLine> lines;

  const v1::SnapshotHeader& header() const { return lines.front().header(); }
};

// ERRORS: InvalidArgument saying what the text is instead: no snapshot, of a newer format, cut off,
// or at which line it makes no sense.
absl::StatusOr<SavedSnapshot> ParseSnapshot(absl::string_view text);

// The same of lines as a master sends them.
absl::StatusOr<SavedSnapshot> CheckSnapshot(std::vector<v1::SnapshotLine> lines);

}  // namespace meros::allocator
