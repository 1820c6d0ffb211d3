// Strong identities. A FrameworkId cannot be passed where an AgentId is wanted.
//
// Values are opaque text. ValidateId() is the one rule for text that may become an id, whoever sent
// it; ids that Meros mints satisfy it by construction.
//
// Thread rule: immutable values, thread-compatible.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace meros {

template <typename Tag>
class StrongId {
 public:
  StrongId() = default;
  explicit StrongId(std::string value) : value_(std::move(value)) {}
  explicit StrongId(absl::string_view value) : value_(value.data(), value.size()) {}
  explicit StrongId(const char* value) : value_(value) {}

  const std::string& value() const { return value_; }
  bool empty() const { return value_.empty(); }

  friend bool operator==(const StrongId& a, const StrongId& b) { return a.value_ == b.value_; }
  friend bool operator!=(const StrongId& a, const StrongId& b) { return a.value_ != b.value_; }
  friend bool operator<(const StrongId& a, const StrongId& b) { return a.value_ < b.value_; }
  template <typename H>
  friend H AbslHashValue(H state, const StrongId& id) {
    return H::combine(std::move(state), id.value_);
  }
  friend std::ostream& operator<<(std::ostream& out, const StrongId& id) {
    return out << id.value_;
  }

 private:
  std::string value_;
};

using AgentId = StrongId<struct AgentIdTag>;
using FrameworkId = StrongId<struct FrameworkIdTag>;
using OfferId = StrongId<struct OfferIdTag>;
using TaskId = StrongId<struct TaskIdTag>;
using ExecutorId = StrongId<struct ExecutorIdTag>;
using ContainerId = StrongId<struct ContainerIdTag>;
using OperationId = StrongId<struct OperationIdTag>;

// A connection as its service numbers it; unique within one process run, never reused, 0 = none.
using StreamId = uint64_t;

// The largest id in bytes: NAME_MAX, because ids become directory names.
inline constexpr size_t kMaxIdBytes = 255;

// Checks the common id rule (docs/reference/ids.md): 1 to 255 bytes, not "." or "..", no control
// character, no '/' and no '\'.
// ERRORS: InvalidArgument saying which part of the rule the text breaks.
absl::Status ValidateId(absl::string_view text);

}  // namespace meros
