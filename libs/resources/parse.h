// Resources as people and files write them.
//
//   Text   cpus:4;mem:4096;ports:[31000-32000];zones:{a, b};cpus(eng):2
//          Items name:value or name(role):value; the role makes a static reservation. Repeated
//          items add up.
//   JSON   an array of resource objects with the field names of the Resource message, reservations
//          in either format (reservation_formats.h). Unknown fields are refused.
//
// Text cannot express dynamic reservations, disks, revocable, shared or allocated resources.
//
// ERRORS of all parsers: InvalidArgument that names the offending part.
// Thread rule: pure functions; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "libs/resources/quantities.h"
#include "libs/resources/resources.h"

namespace meros::resources {

// The longest input accepted, in bytes.
inline constexpr size_t kMaxInputBytes = 1 << 20;

// Either form: JSON if the first character is '[' or '{'. `default_role` reserves what names no
// role; "*" leaves it unreserved. Each object meets ValidateResource, together ValidateTotals.
absl::StatusOr<Resources> ParseResources(absl::string_view input,
                                         absl::string_view default_role = "*");
absl::StatusOr<Resources> ParseResourcesText(absl::string_view text,
                                             absl::string_view default_role = "*");
absl::StatusOr<Resources> ParseResourcesJson(absl::string_view json,
                                             absl::string_view default_role = "*");

// One value as text writes it: a number, "[1-5, 7-9]" or "{a, b}". Spaces do not matter.
absl::StatusOr<Value> ParseValue(absl::string_view text);

// "cpus:1;mem:512". Names at most once.
absl::StatusOr<ResourceQuantities> ParseQuantities(absl::string_view text);

// Alternatives separated by '|', as --min_allocatable_resources takes them:
// "cpus:0.01|mem:32" = at least 0.01 cpus or at least 32 MiB. Empty text gives no alternative.
absl::StatusOr<std::vector<ResourceQuantities>> ParseQuantityAlternatives(absl::string_view text);

// ERRORS: FailedPrecondition naming the resource that text cannot express.
absl::StatusOr<std::string> PrintResourcesText(const Resources& resources);

// Expresses everything; a shared resource is written once for each share. Parsing it gives equal
// resources.
std::string PrintResourcesJson(const Resources& resources);

}  // namespace meros::resources
