// Where in a message something was found, for errors that a person can act on:
// "calls[2].accept.operations[0].launch.task_infos[1].resources[0].scalar.value".
//
// A path is a chain of steps on the stack, each pointing to the one before it; making a step costs
// a few stores, and text is built only when there is an error to report. So a path must not outlive
// the path it was made from, nor the names it was given.
//
// Thread rule: immutable; thread-compatible.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace meros::wire {

class FieldPath {
 public:
  // The message itself. With a name, paths start with it.
  FieldPath() = default;
  explicit FieldPath(absl::string_view root) : name_(root) {}

  // A field, an item of a repeated field, an entry of a map.
  FieldPath Field(absl::string_view name) const { return FieldPath(this, name, -1, {}); }
  FieldPath Item(absl::string_view name, int index) const {
    return FieldPath(this, name, index, {});
  }
  FieldPath Entry(absl::string_view name, absl::string_view key) const {
    return FieldPath(this, name, -1, key);
  }

  // Empty for an unnamed root.
  std::string ToString() const;

  // InvalidArgument "PATH: what".
  template <typename... What>
  absl::Status Fault(const What&... what) const {
    return Annotate(absl::InvalidArgumentError(absl::StrCat(what...)));
  }
  // The same status with the path before its message; OK stays OK.
  absl::Status Annotate(const absl::Status& status) const;

 private:
  FieldPath(const FieldPath* parent, absl::string_view name, int index, absl::string_view key)
      : parent_(parent), name_(name), key_(key), index_(index) {}

  const FieldPath* parent_ = nullptr;
  absl::string_view name_;
  absl::string_view key_;
  int index_ = -1;
};

}  // namespace meros::wire
