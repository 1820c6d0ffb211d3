// Any text is refused or read; what was read is valid and, where text can express it, prints to
// text that reads back as the same.
#include <cstdint>

#include "libs/base/check.h"
#include "libs/resources/attributes.h"
#include "libs/resources/parse.h"
#include "libs/resources/validation.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace meros::resources;  // NOLINT(google-build-using-namespace)
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  (void)Attributes::Parse(text);
  (void)ParseQuantityAlternatives(text);
  const auto parsed = ParseResourcesText(text);
  if (!parsed.ok()) return 0;
  for (const Resource& resource : *parsed) MEROS_CHECK(ValidateResource(resource).ok());
  const auto printed = PrintResourcesText(*parsed);
  if (!printed.ok()) return 0;
  const auto again = ParseResourcesText(*printed);
  MEROS_CHECK(again.ok() && *again == *parsed) << *printed;
  return 0;
}
