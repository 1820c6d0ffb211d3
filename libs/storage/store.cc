#include "libs/storage/store.h"

#include "absl/strings/str_cat.h"

namespace meros::storage {

absl::Status CheckBounds(const Mutation& mutation) {
  if (mutation.key.empty() || mutation.key.size() > kKeyBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("key of ", mutation.key.size(), " bytes, allowed are 1 to ", kKeyBytesMax));
  }
  if (mutation.value.has_value() && mutation.value->size() > kValueBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat("value of ", mutation.value->size(),
                                                   " bytes, allowed are at most ", kValueBytesMax));
  }
  return absl::OkStatus();
}

}  // namespace meros::storage
