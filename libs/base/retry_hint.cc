#include "libs/base/retry_hint.h"

#include <cstdint>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace meros {
namespace {

constexpr absl::string_view kMark = "; retry after ";
constexpr absl::string_view kUnit = " ms";

}  // namespace

absl::Status RetryLaterError(absl::string_view why, absl::Duration wait) {
  const int64_t ms = absl::ToInt64Milliseconds(absl::Ceil(wait, absl::Milliseconds(1)));
  return absl::ResourceExhaustedError(absl::StrCat(why, kMark, ms, kUnit));
}

std::optional<absl::Duration> RetryAfter(const absl::Status& status) {
  if (!absl::IsResourceExhausted(status)) return std::nullopt;
  const size_t at = status.message().rfind(kMark);
  if (at == absl::string_view::npos) return std::nullopt;
  absl::string_view number = status.message().substr(at + kMark.size());
  int64_t ms = 0;
  if (!absl::ConsumeSuffix(&number, kUnit) || !absl::SimpleAtoi(number, &ms) || ms < 0) {
    return std::nullopt;
  }
  return absl::Milliseconds(ms);
}

}  // namespace meros
