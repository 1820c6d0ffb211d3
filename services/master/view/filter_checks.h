// What filters of listings and watches have in common: a value that can match nothing, because it
// breaks a rule, is refused instead of answered with nothing.
//
// ERRORS of all: InvalidArgument naming the field and the limit.
// Thread rule: pure functions; thread-safe.
#pragma once

#include <google/protobuf/unknown_field_set.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "libs/base/ids.h"
#include "libs/resources/roles.h"

namespace meros::master {

inline constexpr size_t kMaxFilterBytes = 255;
inline constexpr size_t kMaxFilterValueBytes = 4096;
inline constexpr int kMaxFilterEntries = 16;  // attributes, labels

inline absl::Status CheckFilterId(absl::string_view field, const std::string& id) {
  const absl::Status status = ValidateId(id);
  if (status.ok()) return status;
  return absl::InvalidArgumentError(absl::StrCat(field, ".value: ", status.message()));
}

inline absl::Status CheckFilterRole(absl::string_view role) {
  const absl::Status status = resources::ValidateRole(role);
  if (status.ok()) return status;
  return absl::InvalidArgumentError(absl::StrCat("role: ", status.message()));
}

inline absl::Status CheckFilterText(absl::string_view field, absl::string_view text,
                                    size_t bytes_max = kMaxFilterBytes) {
  if (text.size() <= bytes_max) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": must have at most ", bytes_max, " bytes, has ", text.size()));
}

inline absl::Status CheckFilterKey(absl::string_view field, absl::string_view text) {
  if (text.empty()) return absl::InvalidArgumentError(absl::StrCat(field, ": must not be empty"));
  return CheckFilterText(field, text);
}

inline absl::Status CheckFilterEntries(absl::string_view field, int entries) {
  if (entries <= kMaxFilterEntries) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": must have at most ", kMaxFilterEntries, " entries, has ", entries));
}

// Values of an enumeration that this version does not know are not in `field`, but here.
inline absl::Status CheckFilterKnown(absl::string_view field, int number,
                                     const google::protobuf::UnknownFieldSet& unknown) {
  for (int i = 0; i < unknown.field_count(); ++i) {
    if (unknown.field(i).number() != number) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(field, ": has a value that this master does not know"));
  }
  return absl::OkStatus();
}

}  // namespace meros::master
