// Durations in messages: DurationInfo (nanoseconds) and seconds as doubles.
//
// Thread rule: pure functions; thread-safe.
#pragma once

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/wire/field_path.h"
#include "meros/v1/common.pb.h"
#include "meros/v1/offer.pb.h"

namespace meros::wire {

// What a declined offer is withheld for when nothing valid is asked, and at most.
inline constexpr absl::Duration kDefaultRefuse = absl::Seconds(5);
inline constexpr absl::Duration kMaxRefuse = absl::Hours(24 * 365);

// A duration that may not be negative.
absl::StatusOr<absl::Duration> DurationFromProto(const v1::DurationInfo& message,
                                                 const FieldPath& path);

// Seconds within what 64-bit nanoseconds hold (292 years either way).
// ERRORS: InvalidArgument for NaN, infinities and larger values.
absl::StatusOr<absl::Duration> DurationFromSeconds(double seconds, const FieldPath& path);

// The same, and not negative.
absl::Status CheckNotNegativeSeconds(double seconds, const FieldPath& path);

// How long to withhold what was declined with `filters`: kDefaultRefuse if absent, negative or NaN,
// kMaxRefuse if more, zero (no filter) if 0. Never fails: a scheduler that asks nonsense must not
// lose the resources, and Mesos does the same.
absl::Duration RefuseTimeout(const v1::Filters& filters);

}  // namespace meros::wire
