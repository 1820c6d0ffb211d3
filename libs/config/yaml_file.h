// Reads a configuration file: one YAML mapping of scalars and lists of scalars. The only user of
// yaml-cpp; its exceptions end here.
//
// Thread rule: thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace meros::config {

struct YamlValue {
  enum class Kind { kNull, kPlain, kQuoted, kList, kOther };
  Kind kind = Kind::kNull;
  std::string text;                // kPlain, kQuoted
  std::vector<std::string> items;  // kList
};

struct YamlEntry {
  std::string key;
  int line = 0;  // from 1
  YamlValue value;
};

// The entries of `text` in their order, at most kYamlEntriesMax. `name` is what errors call it.
// Empty text has none.
// ERRORS: InvalidArgument (not YAML, not a mapping, a key twice), with line.
absl::StatusOr<std::vector<YamlEntry>> ParseYaml(const std::string& name, const std::string& text);

// The same from a file of at most kYamlBytesMax.
// ERRORS: as ParseYaml; NotFound, PermissionDenied, InvalidArgument (a directory, too large).
absl::StatusOr<std::vector<YamlEntry>> ReadYamlFile(const std::string& path);

inline constexpr size_t kYamlEntriesMax = 1000;
inline constexpr size_t kYamlBytesMax = 1 << 20;

}  // namespace meros::config
