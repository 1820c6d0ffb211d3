// Any bytes are refused or read; what was read is valid and survives printing and reading again,
// and the laws of the algebra hold for it.
#include <cstdint>

#include "libs/base/check.h"
#include "libs/resources/parse.h"
#include "libs/resources/validation.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace meros::resources;  // NOLINT(google-build-using-namespace)
  const auto parsed =
      ParseResourcesJson(absl::string_view(reinterpret_cast<const char*>(data), size));
  if (!parsed.ok()) return 0;
  for (const Resource& resource : *parsed) MEROS_CHECK(ValidateResource(resource).ok());
  const auto again = ParseResourcesJson(PrintResourcesJson(*parsed));
  MEROS_CHECK(again.ok() && *again == *parsed) << PrintResourcesJson(*parsed);
  MEROS_CHECK(parsed->Contains(*parsed));
  MEROS_CHECK((*parsed - *parsed).empty());
  return 0;
}
