// Rules that resources from outside must meet before they are counted with, beyond what the types
// already rule out. Each rule is one function, so that callers can apply the ones that concern them
// and name the place of the fault (libs/wire puts the field path before the message).
//
// ERRORS of all: InvalidArgument with one sentence that says what was found.
// Thread rule: pure functions; thread-safe.
#pragma once

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "libs/resources/resources.h"

namespace meros::resources {

// Bounds on what is accepted from outside. They are far above real use and keep the cost of one
// message small.
inline constexpr size_t kMaxNameBytes = 255;
inline constexpr size_t kMaxObjects = 4096;     // Resource objects in one list.
inline constexpr size_t kMaxRanges = 65'536;    // Ranges in one resource.
inline constexpr size_t kMaxSetItems = 65'536;  // Items in one set.
inline constexpr size_t kMaxReservationDepth = 32;
inline constexpr size_t kMaxLabels = 256;      // Labels of one reservation or disk.
inline constexpr size_t kMaxTextBytes = 4096;  // One principal, label, path, id or profile.

// Everything that makes a single object valid: both of the following.
absl::Status ValidateResource(const Resource& resource);
// Name, amount, whole gpus, and that its kind may have a disk or shares.
absl::Status ValidateNameAndAmount(const Resource& resource);
// Allocation role, reservations and disk: the same for all objects with that metadata.
absl::Status ValidateMetadata(const Metadata& metadata);

// A stack: no "*", valid role names, every level but the first dynamic and for a strict descendant
// of the one below it.
absl::Status ValidateReservations(absl::Span<const Reservation> reservations);

// A disk must say what it is: a persistent volume or a source. A persistent volume must be
// reserved, not revocable, and say where it is mounted.
absl::Status ValidateDisks(const Resources& resources);

// What is revocable cannot be promised to anyone: no dynamic reservation of it.
absl::Status ValidateNoRevocableReservation(const Resources& resources);

// Persistence ids name directories on the agent, one name space a role.
absl::Status ValidateUniquePersistenceIds(const Resources& resources);

// All objects are allocated, and to one role.
absl::Status ValidateSingleAllocationRole(const Resources& resources);

// No name is both revocable and not: the kernel cannot tell which of the two a task uses.
absl::Status ValidateRevocableNotMixed(const Resources& resources);

// The rules for what one task or executor uses: valid disks, no revocable reservation, unique
// persistence ids, one allocation role, no mixing of revocable.
absl::Status ValidateForTask(const Resources& resources);

// No number of a range and no item of a set is in both, whatever the metadata.
absl::Status ValidateNoOverlap(const Resources& a, const Resources& b);

// What an agent may be configured with: no persistent volume, nothing revocable, no dynamic
// reservation, no allocation, and no name with two types of value.
absl::Status ValidateAgentConfiguration(const Resources& resources);

// The sum of every scalar is one that Scalar::FromDouble would accept, so that sums over agents
// stay far from overflow.
absl::Status ValidateTotals(const Resources& resources);

}  // namespace meros::resources
