// What happened in a simulation: a rolling hash over all of it, which tells whether two runs were
// the same, and the last lines, which tell a reader what led to a failure.
//
// Thread rule: thread-compatible.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace meros::simulation {

class Trace {
 public:
  // Keeps the last `lines_max` lines.
  explicit Trace(size_t lines_max = 200) : lines_max_(lines_max) {}

  // `what` is an effect or an event of `node`, in bytes or words: everything in it counts in the
  // hash, printable parts of it are kept.
  void Add(absl::Time time, absl::string_view node, absl::string_view what);

  uint64_t hash() const { return hash_; }
  uint64_t count() const { return count_; }
  // The kept lines, oldest first, each with time since the start.
  std::string Tail() const;

 private:
  void Mix(absl::string_view bytes);

  const size_t lines_max_;
  uint64_t hash_ = 14695981039346656037u;  // FNV-1a's offset basis
  uint64_t count_ = 0;
  std::deque<std::string> lines_;
};

}  // namespace meros::simulation
