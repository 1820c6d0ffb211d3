#include "libs/wire/field_path.h"

#include <algorithm>
#include <vector>

#include "absl/strings/escaping.h"

namespace meros::wire {
namespace {

// How much of a map key, which the sender chose, is repeated.
constexpr size_t kKeyBytes = 64;

}  // namespace

std::string FieldPath::ToString() const {
  std::vector<const FieldPath*> steps;
  for (const FieldPath* step = this; step != nullptr; step = step->parent_) steps.push_back(step);
  std::reverse(steps.begin(), steps.end());
  std::string text;
  for (const FieldPath* step : steps) {
    if (step->name_.empty()) continue;
    absl::StrAppend(&text, text.empty() ? "" : ".", step->name_);
    if (step->index_ >= 0) absl::StrAppend(&text, "[", step->index_, "]");
    if (!step->key_.empty()) {
      absl::StrAppend(&text, "[\"", absl::CHexEscape(step->key_.substr(0, kKeyBytes)), "\"]");
    }
  }
  return text;
}

absl::Status FieldPath::Annotate(const absl::Status& status) const {
  if (status.ok()) return status;
  const std::string path = ToString();
  if (path.empty()) return status;
  return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
}

}  // namespace meros::wire
