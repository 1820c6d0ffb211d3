#include "libs/wire/durations.h"

#include <cmath>

namespace meros::wire {
namespace {

// The largest whole number of seconds in 64-bit nanoseconds.
constexpr double kMaxSeconds = 9'223'372'036.0;

}  // namespace

absl::StatusOr<absl::Duration> DurationFromProto(const v1::DurationInfo& message,
                                                 const FieldPath& path) {
  if (message.nanoseconds() < 0) {
    return path.Field("nanoseconds").Fault("must be >= 0, got ", message.nanoseconds());
  }
  return absl::Nanoseconds(message.nanoseconds());
}

absl::StatusOr<absl::Duration> DurationFromSeconds(double seconds, const FieldPath& path) {
  // NaN fails every comparison.
  if (!(std::abs(seconds) <= kMaxSeconds)) {
    return path.Fault("must be finite and at most 292 years, got ", seconds, " s");
  }
  return absl::Seconds(seconds);
}

absl::Status CheckNotNegativeSeconds(double seconds, const FieldPath& path) {
  if (seconds < 0) return path.Fault("must be >= 0, got ", seconds);
  return DurationFromSeconds(seconds, path).status();
}

absl::Duration RefuseTimeout(const v1::Filters& filters) {
  const double seconds = filters.refuse_seconds();  // 5 if absent: the schema's default.
  if (!(seconds >= 0)) return kDefaultRefuse;
  if (seconds > absl::ToDoubleSeconds(kMaxRefuse)) return kMaxRefuse;
  return absl::Seconds(seconds);
}

}  // namespace meros::wire
