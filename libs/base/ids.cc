#include "libs/base/ids.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace meros {

absl::Status ValidateId(absl::string_view text) {
  if (text.empty()) return absl::InvalidArgumentError("must not be empty");
  if (text.size() > kMaxIdBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("must be at most ", kMaxIdBytes, " bytes, got ", text.size()));
  }
  if (text == "." || text == "..") {
    return absl::InvalidArgumentError(absl::StrCat("must not be '", text, "'"));
  }
  for (size_t i = 0; i < text.size(); ++i) {
    const unsigned char c = text[i];
    if (absl::ascii_iscntrl(c)) {
      return absl::InvalidArgumentError(
          absl::StrCat("must not contain control characters, found byte ", c, " at ", i));
    }
    if (c == '/' || c == '\\') {
      return absl::InvalidArgumentError(absl::StrCat("must not contain '/' or '\\', found at ", i));
    }
  }
  return absl::OkStatus();
}

}  // namespace meros
