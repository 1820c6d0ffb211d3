// What operations do to resources: reserving, making and resizing persistent volumes.
//
// Every operation here is a conversion: it takes some resources away and puts others, of the same
// amounts, in their place. Whoever books an operation applies the same conversion, so master,
// allocator and agent agree on its outcome without asking each other.
//
// Who may do it (principals, ACLs, capabilities) is the callers' matter; so is whether a volume is
// in use by a task.
//
// Thread rule: value types and pure functions; thread-compatible.
#pragma once

#include <variant>

#include "absl/status/statusor.h"
#include "libs/resources/resources.h"

namespace meros::resources {

// Gives `target` its reservations. Without `source`, one level is pushed: what is converted is
// `target` without its top level. With `source`, the reservations of `source` are replaced by those
// of `target`: levels are popped down to the common ancestor, then pushed.
struct Reserve {
  Resources target;
  Resources source;
};

// Pops the top level of reservation.
struct Unreserve {
  Resources resources;
};

// Makes persistent volumes of disk.
struct CreateVolumes {
  Resources volumes;
};

// Makes disk of persistent volumes; their data is lost. Shared ones must be the last copy.
struct DestroyVolumes {
  Resources volumes;
};

struct GrowVolume {
  Resource volume;
  Resource addition;
};

struct ShrinkVolume {
  Resource volume;
  Scalar subtract;
};

using Operation =
    std::variant<Reserve, Unreserve, CreateVolumes, DestroyVolumes, GrowVolume, ShrinkVolume>;

// `consumed` is replaced by `converted`.
struct Conversion {
  Resources consumed;
  Resources converted;
};

// The conversion an operation stands for, after checking the operation in itself. Resources are
// expected to meet ValidateResource.
// ERRORS: InvalidArgument saying which rule of the operation is broken by which resource.
absl::StatusOr<Conversion> ConversionOf(const Operation& operation);

// `working` after the conversion.
// ERRORS: FailedPrecondition if `working` does not contain what is consumed.
absl::StatusOr<Resources> Apply(const Conversion& conversion, const Resources& working);

// Both steps. ERRORS: those of both, and FailedPrecondition for destroying a shared volume of which
// `working` has further copies.
absl::StatusOr<Resources> Apply(const Operation& operation, const Resources& working);

// The disk a volume is made of: without persistence, mount point and sharing.
// REQUIRES: a persistent volume.
Resource DiskOfVolume(const Resource& volume);

}  // namespace meros::resources
