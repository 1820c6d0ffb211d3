#include "libs/linux/mountinfo.h"

#include <utility>

#include "absl/strings/str_split.h"
#include "libs/base/status_macros.h"
#include "libs/linux/files.h"

namespace meros::os {
namespace {

bool IsOctal(char c) { return c >= '0' && c <= '7'; }

// The kernel writes space, tab, newline and backslash as \ooo.
std::string Unescape(absl::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && IsOctal(text[i + 1]) && IsOctal(text[i + 2]) &&
        IsOctal(text[i + 3])) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                 (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

}  // namespace

std::vector<MountEntry> ParseMountInfo(absl::string_view text) {
  std::vector<MountEntry> entries;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> halves =
        absl::StrSplit(line, absl::MaxSplits(" - ", 1));
    const std::vector<absl::string_view> left = absl::StrSplit(halves.first, ' ');
    const std::vector<absl::string_view> right = absl::StrSplit(halves.second, ' ');
    if (left.size() < 6 || right.size() < 3) continue;
    entries.push_back({Unescape(left[4]), std::string(right[0]), absl::StrSplit(right[2], ',')});
  }
  return entries;
}

absl::StatusOr<std::vector<MountEntry>> ReadMountInfo() {
  MEROS_ASSIGN_OR_RETURN(const std::string text, ReadFile("/proc/self/mountinfo", 64 << 20));
  return ParseMountInfo(text);
}

}  // namespace meros::os
