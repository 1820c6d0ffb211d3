#include "libs/base/leader_hint.h"

#include "absl/strings/str_cat.h"

namespace meros {
namespace {

constexpr absl::string_view kMark = "leader=";

}  // namespace

absl::Status NotLeadingError(absl::string_view leader) {
  constexpr absl::string_view kText = "this master does not lead";
  return absl::FailedPreconditionError(leader.empty()
                                           ? absl::StrCat(kText, ", and knows of no leader")
                                           : absl::StrCat(kText, "; ", kMark, leader));
}

std::optional<std::string> LeaderHint(const absl::Status& status) {
  if (!absl::IsFailedPrecondition(status)) return std::nullopt;
  const size_t at = status.message().rfind(kMark);
  if (at == absl::string_view::npos) return std::nullopt;
  const absl::string_view address = status.message().substr(at + kMark.size());
  // Not an address when more text follows; then it was some other message.
  if (address.find_first_of(" ;,") != absl::string_view::npos) return std::nullopt;
  const size_t colon = address.rfind(':');
  if (colon == absl::string_view::npos || colon == 0 || colon + 1 == address.size()) {
    return std::nullopt;
  }
  return std::string(address);
}

}  // namespace meros
