#include "libs/config/yaml_file.h"

#include <set>
#include <utility>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <yaml-cpp/yaml.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"

namespace meros::config {
namespace {

absl::Status Wrong(const std::string& name, int line, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(name, ":", line, ": ", what));
}

// yaml-cpp tags a plain scalar "?" and a quoted one "!".
YamlValue FromNode(const YAML::Node& node) {
  YamlValue value;
  if (node.IsScalar()) {
    value.kind = node.Tag() == "!" ? YamlValue::Kind::kQuoted : YamlValue::Kind::kPlain;
    value.text = node.Scalar();
  } else if (node.IsSequence()) {
    value.kind = YamlValue::Kind::kList;
    for (const YAML::Node& item : node) {
      if (!item.IsScalar()) value.kind = YamlValue::Kind::kOther;
      value.items.push_back(item.IsScalar() ? item.Scalar() : "");
    }
  } else if (!node.IsNull()) {
    value.kind = YamlValue::Kind::kOther;
  }
  return value;
}

absl::StatusOr<std::vector<YamlEntry>> FromMapping(const std::string& name,
                                                   const YAML::Node& root) {
  std::vector<YamlEntry> entries;
  if (root.IsNull()) return entries;
  if (!root.IsMap()) return Wrong(name, 1, "expected a mapping of flag names to values");
  if (root.size() > kYamlEntriesMax) {
    return Wrong(name, 1,
                 absl::StrCat("expected at most ", kYamlEntriesMax, " keys, found ", root.size()));
  }
  std::set<std::string> seen;
  for (const auto& pair : root) {
    const int line = pair.first.Mark().line + 1;
    if (!pair.first.IsScalar()) return Wrong(name, line, "expected a flag name as key");
    if (!seen.insert(pair.first.Scalar()).second) {
      return Wrong(name, line, absl::StrCat("key '", pair.first.Scalar(), "' appears twice"));
    }
    entries.push_back({.key = pair.first.Scalar(), .line = line, .value = FromNode(pair.second)});
  }
  return entries;
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  struct stat found = {};
  if (stat(path.c_str(), &found) != 0) {
    const std::string message = absl::StrCat("configuration file ", path, ": ", strerror(errno));
    return errno == EACCES ? absl::PermissionDeniedError(message) : absl::NotFoundError(message);
  }
  if (S_ISDIR(found.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat("configuration file ", path, ": expected a file, found a directory"));
  }
  FILE* const file = fopen(path.c_str(), "re");
  if (file == nullptr) {
    return absl::PermissionDeniedError(
        absl::StrCat("configuration file ", path, ": ", strerror(errno)));
  }
  std::string text(kYamlBytesMax + 1, '\0');
  text.resize(fread(text.data(), 1, text.size(), file));
  fclose(file);
  if (text.size() > kYamlBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("configuration file ", path, ": larger than ", kYamlBytesMax, " bytes"));
  }
  return text;
}

}  // namespace

absl::StatusOr<std::vector<YamlEntry>> ParseYaml(const std::string& name, const std::string& text) {
  try {
    return FromMapping(name, YAML::Load(text));
  } catch (const YAML::Exception& error) {
    return Wrong(name, error.mark.line + 1, absl::StrCat("not YAML: ", error.msg));
  }
}

absl::StatusOr<std::vector<YamlEntry>> ReadYamlFile(const std::string& path) {
  MEROS_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  return ParseYaml(path, text);
}

}  // namespace meros::config
